//! The definition of a resource as a YAML file.

use serde_json::Value;

use super::{Kind, crd};

/// What every generated file begins with.
const HEADER: &str =
    "# Generated from the Rust types in crds/src by `make generate`. Do not edit.\n";

/// Why a definition could not be written as YAML.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    /// The definition has no JSON form.
    #[error("definition of {kind} as JSON", kind = .kind.as_str())]
    Json {
        /// Of which resource.
        kind: Kind,
        /// What the serializer said.
        source: serde_json::Error,
    },
    /// The definition has no YAML form.
    #[error("definition of {kind} as YAML", kind = .kind.as_str())]
    Yaml {
        /// Of which resource.
        kind: Kind,
        /// What the serializer said.
        source: serde_saphyr::SerializeError,
    },
}

/// The file that the definition of a resource stands in.
#[must_use]
pub const fn file_name(kind: Kind) -> &'static str {
    match kind {
        Kind::TenantStorage => "tenantstorages.titan.media.yaml",
        Kind::MediaSession => "mediasessions.titan.media.yaml",
    }
}

/// The definition of a resource as YAML, the same text every time.
///
/// # Errors
/// If a serializer fails, which no definition of ours makes it do.
pub fn yaml(kind: Kind) -> Result<String, YamlError> {
    let mut definition =
        serde_json::to_value(crd(kind)).map_err(|source| YamlError::Json { kind, source })?;
    definition.sort_all_objects();
    tidy(&mut definition);
    let body =
        serde_saphyr::to_string(&definition).map_err(|source| YamlError::Yaml { kind, source })?;
    Ok(format!("{HEADER}{body}"))
}

/// Writes bounds such as `1.0` as `1`, and leaves out `nullable: false`, which is what holds anyway.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, member| name != "nullable" || *member != Value::Bool(false));
            for (name, member) in members.iter_mut() {
                if matches!(name.as_str(), "minimum" | "maximum") {
                    make_whole(member);
                }
                tidy(member);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn make_whole(bound: &mut Value) {
    let text = bound.as_f64().map(|number| format!("{number:.0}"));
    if let Some(whole) = text.and_then(|text| text.parse::<i64>().ok())
        && bound.as_f64().is_some_and(|number| number.fract() == 0.0)
    {
        *bound = whole.into();
    }
}
