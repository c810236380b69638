{{- define "titan-media.fullname" -}}
{{- .Values.fullnameOverride | default "titan-operator" }}
{{- end }}

{{/* Name of what belongs to the cluster: releases that watch namespaces of their own may stand side by side. */}}
{{- define "titan-media.clusterName" -}}
{{- if .Values.watchNamespaces }}
{{- printf "%s-%s" (include "titan-media.fullname" .) .Release.Namespace }}
{{- else }}
{{- include "titan-media.fullname" . }}
{{- end }}
{{- end }}

{{- define "titan-media.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "titan-media.fullname" .) }}
{{- end }}

{{- define "titan-media.selectorLabels" -}}
app.kubernetes.io/name: titan-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "titan-media.labels" -}}
{{ include "titan-media.selectorLabels" . }}
app.kubernetes.io/part-of: titan-media
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* An image by digest, or with allowTags by tag. Takes: root, image, field. */}}
{{- define "titan-media.image" -}}
{{- $tag := "" }}
{{- if .image.tag }}
{{- $tag = printf ":%s" .image.tag }}
{{- end }}
{{- if .image.digest }}
{{- printf "%s%s@%s" .image.repository $tag .image.digest }}
{{- else if not .root.Values.allowTags }}
{{- fail (printf "%s.digest is empty: name the image by its digest (sha256:…), or set allowTags for development" .field) }}
{{- else if not .image.tag }}
{{- fail (printf "%s.tag is empty: with allowTags, an image needs a digest or a tag" .field) }}
{{- else }}
{{- printf "%s%s" .image.repository $tag }}
{{- end }}
{{- end }}

{{- define "titan-media.operatorImage" -}}
{{- include "titan-media.image" (dict "root" . "image" .Values.image "field" "image") }}
{{- end }}

{{- define "titan-media.sidecarImage" -}}
{{- include "titan-media.image" (dict "root" . "image" .Values.sidecar.image "field" "sidecar.image") }}
{{- end }}

{{/* The image of linked devices; nothing where the installation has none. */}}
{{- define "titan-media.whatsappImage" -}}
{{- if or .Values.whatsapp.image.digest .Values.whatsapp.image.tag }}
{{- include "titan-media.image" (dict "root" . "image" .Values.whatsapp.image "field" "whatsapp.image") }}
{{- end }}
{{- end }}

{{/* Resources of sidecars as JSON: by namespace, `*` for all others. */}}
{{- define "titan-media.sidecarResources" -}}
{{- merge (dict "*" .Values.sidecar.resources) .Values.sidecar.resourcesByNamespace | toJson }}
{{- end }}
