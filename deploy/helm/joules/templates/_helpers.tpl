{{- define "joules.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "joules.labels" -}}
{{ include "joules.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- define "joules.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 63 }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 }}{{ end -}}
{{- end }}
{{- define "joules.exporters" -}}
{{- $exporters := list }}
{{- if .Values.prometheus.enabled }}{{ $exporters = append $exporters "prometheus" }}{{ end }}
{{- if .Values.otlp.endpoint }}{{ $exporters = append $exporters "otlp" }}{{ end }}
{{- if not $exporters }}{{ fail "nothing is published: set otlp.endpoint, or prometheus.enabled" }}{{ end }}
{{- join "," $exporters }}
{{- end }}
