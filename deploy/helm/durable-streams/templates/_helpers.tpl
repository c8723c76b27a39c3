{{- define "ds.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "ds.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "ds.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "ds.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ds.selector" -}}
app.kubernetes.io/name: {{ include "ds.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ds.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "ds.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ds.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "ds.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "ds.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* The secret with the certificate of the public port. */}}
{{- define "ds.tlsSecret" -}}
{{ .Values.tls.existingSecret | default (printf "%s-tls" (include "ds.fullname" .)) }}
{{- end -}}

{{/* The secret with auth.json; empty without one. */}}
{{- define "ds.authSecret" -}}
{{- if .Values.auth.existingSecret -}}
{{ .Values.auth.existingSecret }}
{{- else if .Values.auth.config -}}
{{ include "ds.fullname" . }}-auth
{{- end -}}
{{- end -}}

{{/* Whether a kind is wanted: (dict "root" $ "enabled" VALUE "api" GROUP/VERSION) */}}
{{- define "ds.wanted" -}}
{{- if eq (toString .enabled) "auto" -}}
{{- if .root.Capabilities.APIVersions.Has .api -}}true{{- end -}}
{{- else if .enabled -}}true{{- end -}}
{{- end -}}

{{/* What the chart itself says to the server, and what the user adds: (dict "root" $ "role" ROLE). */}}
{{- define "ds.config" -}}
{{- $root := .root -}}
{{- $http := ne .role "storage" -}}
{{- $config := dict "admin-listen" "0.0.0.0:9464" "drain-timeout" (printf "%ds" (int $root.Values.drain.timeoutSeconds)) "log-format" "json" -}}
{{- if $http -}}
{{- $_ := set $config "listen" "0.0.0.0:4437" -}}
{{- if $root.Values.tls.enabled -}}
{{- $_ := set $config "tls-cert" "/etc/durable-streams/tls/tls.crt" -}}
{{- $_ := set $config "tls-key" "/etc/durable-streams/tls/tls.key" -}}
{{- end -}}
{{- if include "ds.authSecret" $root -}}
{{- $_ := set $config "auth-config" "/etc/durable-streams/auth/auth.json" -}}
{{- end -}}
{{- if $root.Values.auth.url -}}
{{- $_ := set $config "auth-url" $root.Values.auth.url -}}
{{- end -}}
{{- else -}}
{{- $_ := set $config "listen" "0.0.0.0:4438" -}}
{{- end -}}
{{- if ne .role "gateway" -}}
{{- $_ := set $config "data-dir" "/var/lib/durable-streams" -}}
{{- if $root.Values.secretsKey.existingSecret -}}
{{- $_ := set $config "secrets-key-file" "/etc/durable-streams/secrets/secrets.key" -}}
{{- end -}}
{{- end -}}
{{- if eq .role "gateway" -}}
{{- $_ := set $config "storage" (printf "%s-storage:4438" (include "ds.fullname" $root)) -}}
{{- if $root.Values.hopTls.enabled -}}
{{- $_ := set $config "storage-ca" "/etc/durable-streams/hop/ca.crt" -}}
{{- $_ := set $config "storage-tls-cert" "/etc/durable-streams/hop/tls.crt" -}}
{{- $_ := set $config "storage-tls-key" "/etc/durable-streams/hop/tls.key" -}}
{{- end -}}
{{- else if and (eq .role "storage") $root.Values.hopTls.enabled -}}
{{- $_ := set $config "grpc-client-ca" "/etc/durable-streams/hop/ca.crt" -}}
{{- $_ := set $config "grpc-tls-cert" "/etc/durable-streams/hop/tls.crt" -}}
{{- $_ := set $config "grpc-tls-key" "/etc/durable-streams/hop/tls.key" -}}
{{- end -}}
{{- $own := ternary $root.Values.gateway.config $root.Values.storage.config (eq .role "gateway") -}}
{{- $all := mergeOverwrite $config (deepCopy $root.Values.config) (deepCopy $own) -}}
{{- range $key := keys $all | sortAlpha }}
{{ $key }} = {{ get $all $key | toJson }}
{{- end }}
{{- end -}}

{{/* The container and all around it: (dict "root" $ "role" ROLE "values" SECTION). */}}
{{- define "ds.pod" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $http := ne .role "storage" -}}
{{- $hop := and $root.Values.hopTls.enabled (ne .role "serve") -}}
{{- $component := ternary "gateway" "storage" (eq .role "gateway") -}}
serviceAccountName: {{ include "ds.serviceAccountName" $root }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ add (int $root.Values.drain.delaySeconds) (int $root.Values.drain.timeoutSeconds) 10 }}
securityContext:
  {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
{{- else if $values.topologySpread }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "ds.selector" $root | nindent 8 }}
        app.kubernetes.io/component: {{ $component }}
  {{- end }}
{{- end }}
containers:
  - name: durable-streams
    image: {{ include "ds.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: [{{ .role }}, --config=/etc/durable-streams/config/config.toml]
    securityContext:
      {{- toYaml $root.Values.securityContext | nindent 6 }}
    ports:
      {{- if $http }}
      - { name: http, containerPort: 4437 }
      {{- else }}
      - { name: grpc, containerPort: 4438 }
      {{- end }}
      - { name: admin, containerPort: 9464 }
    startupProbe:
      httpGet: { path: /healthz, port: admin }
      periodSeconds: 2
      failureThreshold: 150
    livenessProbe:
      httpGet: { path: /healthz, port: admin }
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      httpGet: { path: /readyz, port: admin }
      periodSeconds: 5
      timeoutSeconds: 3
      failureThreshold: 2
    lifecycle:
      preStop:
        exec: { command: [sleep, {{ $root.Values.drain.delaySeconds | quote }}] }
    {{- with $values.extraEnv }}
    env:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $values.extraEnvFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $values.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
      - { name: config, mountPath: /etc/durable-streams/config, readOnly: true }
      - { name: tmp, mountPath: /tmp }
      {{- if ne .role "gateway" }}
      - { name: data, mountPath: /var/lib/durable-streams }
      {{- if $root.Values.secretsKey.existingSecret }}
      - { name: secrets, mountPath: /etc/durable-streams/secrets, readOnly: true }
      {{- end }}
      {{- end }}
      {{- if and $http $root.Values.tls.enabled }}
      - { name: tls, mountPath: /etc/durable-streams/tls, readOnly: true }
      {{- end }}
      {{- if $hop }}
      - { name: hop, mountPath: /etc/durable-streams/hop, readOnly: true }
      {{- end }}
      {{- if and $http (include "ds.authSecret" $root) }}
      - { name: auth, mountPath: /etc/durable-streams/auth, readOnly: true }
      {{- end }}
      {{- with $values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "ds.fullname" $root }}-{{ $component }}
  - name: tmp
    emptyDir: {}
  {{- if and $http $root.Values.tls.enabled }}
  - name: tls
    secret:
      secretName: {{ include "ds.tlsSecret" $root }}
      defaultMode: 288  # 0440
  {{- end }}
  {{- if $hop }}
  - name: hop
    secret:
      secretName: {{ ternary $root.Values.hopTls.gatewaySecret $root.Values.hopTls.storageSecret (eq .role "gateway") }}
      defaultMode: 288  # 0440
  {{- end }}
  {{- if and $http (include "ds.authSecret" $root) }}
  - name: auth
    secret:
      secretName: {{ include "ds.authSecret" $root }}
      defaultMode: 288  # 0440
  {{- end }}
  {{- if and (ne .role "gateway") $root.Values.secretsKey.existingSecret }}
  - name: secrets
    secret:
      secretName: {{ $root.Values.secretsKey.existingSecret }}
      defaultMode: 288  # 0440
  {{- end }}
  {{- if and (ne .role "gateway") (not $root.Values.storage.persistence.enabled) }}
  - name: data
    emptyDir: {}
  {{- else if and (ne .role "gateway") $root.Values.storage.persistence.existingClaim }}
  - name: data
    persistentVolumeClaim:
      claimName: {{ $root.Values.storage.persistence.existingClaim }}
  {{- end }}
  {{- with $values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Annotations that change with what the pod is configured by, and the user's. */}}
{{- define "ds.podAnnotations" -}}
checksum/config: {{ include "ds.config" . | sha256sum }}
{{- if and (ne .role "storage") .root.Values.auth.config }}
checksum/auth: {{ .root.Values.auth.config | toJson | sha256sum }}
{{- end }}
{{- with .values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}
