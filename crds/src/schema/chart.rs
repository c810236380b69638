//! The definition of a resource as a template of the chart `titan-media-crds`.
//!
//! A chart can't read files outside itself, so the templates are written beside `crds/yaml`, from the same types.

use super::{Kind, YamlError, yaml};

/// Where labels and annotations go: right after the name of the definition.
const METADATA: &str = r#"  labels:
    {{- include "titan-media-crds.labels" . | nindent 4 }}
  {{- with include "titan-media-crds.annotations" . }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
"#;

/// The definition of a resource as a Helm template, the same text every time.
///
/// # Errors
/// If a serializer fails, which no definition of ours makes it do.
pub fn chart_template(kind: Kind) -> Result<String, YamlError> {
    // Braces of a description are text, not an action.
    let text = yaml(kind)?.replace("{{", r#"{{ "{{" }}"#);
    let mut template = String::with_capacity(text.len() + METADATA.len());
    let mut in_metadata = false;
    for line in text.split_inclusive('\n') {
        template.push_str(line);
        if in_metadata {
            template.push_str(METADATA);
        }
        in_metadata = line == "metadata:\n";
    }
    Ok(template)
}
