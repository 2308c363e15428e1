{{/* What the pods of all roles have in common. */}}

{{/* Of the pod: the part of the `restricted` Pod Security Standard that is set here. */}}
{{- define "lead-gateway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Of each container: the other part. */}}
{{- define "lead-gateway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: {{ not .Values.development.reload }}
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Image, policy and security of a container of ours. */}}
{{- define "lead-gateway.container" -}}
image: {{ include "lead-gateway.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "lead-gateway.containerSecurity" . | nindent 2 }}
{{- end -}}

{{/* What a role is called with: (dict "root" $ "role" "webhook") */}}
{{- define "lead-gateway.command" -}}
{{- if .root.Values.development.reload -}}
command: [python, -m, leadgateway.dev.reload]
{{ end -}}
args: [{{ .role }}]
{{- end -}}

{{/* Where pods run: (dict "root" $ "component" "webhook" "values" .Values.webhook) */}}
{{- define "lead-gateway.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Over nodes first, then zones, unless the values say otherwise; a full node is no reason not to start. */}}
{{- define "lead-gateway.spread" -}}
topologySpreadConstraints:
{{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "lead-gateway.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end -}}

{{/*
Probes of a role, at its status port. Slow is not dead: a process is restarted when it has said nothing for a minute.
*/}}
{{- define "lead-gateway.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: status}
  periodSeconds: 1
  timeoutSeconds: 5
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /readyz, port: status}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 5
livenessProbe:
  httpGet: {path: /healthz, port: status}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 6
{{- end -}}

{{- define "lead-gateway.logEnv" -}}
- {name: LEADGATEWAY_LOG_LEVEL, value: {{ .Values.logs.level | quote }}}
- {name: LEADGATEWAY_LOG_FORMAT, value: {{ .Values.logs.format | quote }}}
- {name: LEADGATEWAY_LOG_ACCESS, value: {{ .Values.logs.access | quote }}}
{{- end -}}

{{/* For those who work on leads. */}}
{{- define "lead-gateway.tracingEnv" -}}
{{- with .Values.tracing }}
{{- if .enabled }}
- {name: LEADGATEWAY_TRACING, value: "on"}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ required "tracing.endpoint is needed where tracing is enabled, such as http://collector.observability:4318" .endpoint | quote }}}
- {name: OTEL_TRACES_SAMPLER, value: {{ .sampler }}}
{{- with .samplerArgument }}
- {name: OTEL_TRACES_SAMPLER_ARG, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where PostgreSQL is: (dict "root" $ "secret" "another Secret with a URL, or nothing") */}}
{{- define "lead-gateway.databaseEnv" -}}
{{- $database := .root.Values.database -}}
{{- if .secret }}
- name: DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ $database.urlKey }}}}
{{- else if .root.Values.postgresql.enabled }}
- {name: POSTGRES_HOST, value: {{ include "lead-gateway.fullname" .root }}-postgresql}
- {name: POSTGRES_PORT, value: "5432"}
- {name: POSTGRES_DB, value: lead_gateway}
- {name: POSTGRES_USER, value: lead_gateway}
- name: POSTGRES_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "lead-gateway.postgresqlSecret" .root }}, key: password}}
{{- else if $database.host }}
- {name: POSTGRES_HOST, value: {{ $database.host | quote }}}
- {name: POSTGRES_PORT, value: {{ $database.port | quote }}}
- {name: POSTGRES_DB, value: {{ $database.name | quote }}}
- {name: POSTGRES_USER, value: {{ $database.user | quote }}}
- name: POSTGRES_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $database.existingSecret }}, key: {{ $database.passwordKey }}}}
{{- else }}
- name: DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ $database.existingSecret }}, key: {{ $database.urlKey }}}}
{{- end }}
{{- end -}}

{{- define "lead-gateway.redisEnv" -}}
{{- $secret := .Values.redis.existingSecret -}}
{{- $key := .Values.redis.urlKey -}}
{{- if .Values.valkey.enabled -}}
{{- $secret = include "lead-gateway.valkeySecret" . -}}
{{- $key = "url" -}}
{{- end -}}
- name: REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $key }}}}
{{- end -}}

{{/*
Waits until the schema is there. The Job migrates; whoever comes first does, and the others find it done. A pod of an
older version that is started anew finds a newer schema, which is fine by it.
*/}}
{{- define "lead-gateway.waitForSchema" -}}
- name: wait-for-schema
  {{- include "lead-gateway.container" . | nindent 2 }}
  args: [migrate, --wait, {{ .Values.migrations.waitSeconds | quote }}]
  env:
    {{- include "lead-gateway.logEnv" . | nindent 4 }}
    {{- include "lead-gateway.databaseEnv" (dict "root" .) | trim | nindent 4 }}
  resources:
    {{- toYaml .Values.migrations.resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
{{- end -}}

{{/*
The published routes: one folder a shard, never a subPath, which kubelet would not refresh. Optional, because the
operator makes them after the pods.
*/}}
{{- define "lead-gateway.routeVolumes" -}}
{{- range $shard := until (int .Values.routes.shards) }}
- name: routes-{{ $shard }}
  configMap: {name: lead-gateway-routes-{{ $shard }}, optional: true}
- name: credentials-{{ $shard }}
  secret: {secretName: lead-gateway-credentials-{{ $shard }}, optional: true, defaultMode: 0440}
{{- end }}
{{- end -}}

{{- define "lead-gateway.routeMounts" -}}
{{- range $shard := until (int .Values.routes.shards) }}
- {name: routes-{{ $shard }}, mountPath: /etc/lead-gateway/routes-{{ $shard }}, readOnly: true}
- {name: credentials-{{ $shard }}, mountPath: /etc/lead-gateway/credentials-{{ $shard }}, readOnly: true}
{{- end }}
{{- end -}}
