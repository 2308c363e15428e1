{{/* Secrets that are generated once and kept, and what happens where nothing can be kept. */}}

{{- define "lead-gateway.postgresqlSecret" -}}
{{- default (printf "%s-postgresql" (include "lead-gateway.fullname" .)) .Values.postgresql.existingSecret -}}
{{- end -}}

{{- define "lead-gateway.valkeySecret" -}}
{{- default (printf "%s-valkey" (include "lead-gateway.fullname" .)) .Values.valkey.existingSecret -}}
{{- end -}}

{{- define "lead-gateway.admissionSecret" -}}
{{- default (printf "%s-admission" (include "lead-gateway.fullname" .)) .Values.admission.certificate.existingSecret -}}
{{- end -}}

{{- define "lead-gateway.consoleSecret" -}}
{{- default (printf "%s-console" (include "lead-gateway.fullname" .)) .Values.console.existingSecret -}}
{{- end -}}

{{/* A password of our own: the one that the cluster has, or a new one. (dict "root" $ "secret" name "value" "x.existingSecret" "keys" "…") */}}
{{- define "lead-gateway.keptPassword" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- if $found -}}
{{- index $found.data "password" | b64dec -}}
{{- else -}}
{{- include "lead-gateway.requireConnection" (dict "root" .root "value" .value "what" (printf "a Secret with %s" .keys)) -}}
{{- randAlphaNum 32 -}}
{{- end -}}
{{- end -}}

{{/* Ends a rendering that would generate something it can't find again. */}}
{{- define "lead-gateway.requireConnection" -}}
{{- if not (include "lead-gateway.connected" .root) -}}
{{- fail (printf "%s has to name %s: this rendering can't ask the cluster what was generated before (helm template, GitOps), so it would generate something else each time" .value .what) -}}
{{- end -}}
{{- end -}}
