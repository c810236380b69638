//! References to container images.

use std::{fmt, str::FromStr};

use k8s_openapi::api::core::v1::{Container, PodSpec};

/// A reference to an image that can't mean another image tomorrow: with a digest, or at least a tag that is not
/// `latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Image(String);

/// Why a text is no such reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Nothing that a registry would understand.
    #[error(
        "\"{0}\" is no image reference such as registry.example.com:5000/titan-sidecar@sha256:…"
    )]
    Malformed(String),
    /// What it means changes.
    #[error(
        "\"{0}\" must have a digest (@sha256:…), or for development a tag that is not \"latest\""
    )]
    Floating(String),
}

/// The images of a session's pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Of the sidecar.
    pub sidecar: String,
    /// Of the linked device, where the session has one of its own.
    pub device: Option<String>,
}

impl Images {
    /// Those of a pod. Beside a linked device the sidecar is an init container.
    #[must_use]
    pub fn of(pod: &PodSpec) -> Option<Self> {
        let image = |containers: &[Container]| containers.first()?.image.clone();
        let first = image(&pod.containers);
        match &pod.init_containers {
            Some(init) if !init.is_empty() => Some(Self {
                sidecar: image(init)?,
                device: first,
            }),
            _ => Some(Self {
                sidecar: first?,
                device: None,
            }),
        }
    }

    /// Is one of them not what it shall be? A session without a linked device needs no image for one.
    #[must_use]
    pub fn differ_from(&self, target: &Self) -> bool {
        let device = self.device.as_ref().zip(target.device.as_ref());
        self.sidecar != target.sidecar || device.is_some_and(|(is, shall)| is != shall)
    }
}

impl Image {
    /// The reference as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it pinned by digest?
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.0.contains('@')
    }
}

impl FromStr for Image {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ImageError::Malformed(text.to_owned());
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (name, None),
        };
        let well_formed = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-:/[]".contains(&byte))
        };
        if !well_formed(repository) || tag.is_some_and(|tag| !well_formed(tag)) {
            return Err(malformed());
        }
        match (digest, tag) {
            (Some(digest), _) => {
                let hex = digest.strip_prefix("sha256:").ok_or_else(malformed)?;
                if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(malformed());
                }
            }
            (None, None | Some("latest")) => return Err(ImageError::Floating(text.to_owned())),
            (None, Some(_)) => {}
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_tags_and_digests_are_told_apart() {
        let digest = format!("@sha256:{}", "a".repeat(64));
        for name in [
            "titan-sidecar",
            "host:5000/titan/sidecar",
            "host:5000/sidecar:1.2",
            "[::1]:5000/s",
        ] {
            let image: Image = format!("{name}{digest}").parse().unwrap();
            assert!(image.is_pinned());
        }
        let image: Image = "host:5000/sidecar:1.2".parse().unwrap();
        assert!(!image.is_pinned());
    }

    #[test]
    fn what_may_mean_another_image_tomorrow_is_refused() {
        for floating in ["sidecar", "host:5000/sidecar", "sidecar:latest"] {
            assert_eq!(
                floating.parse::<Image>(),
                Err(ImageError::Floating(floating.to_owned()))
            );
        }
        for malformed in ["", "a b:1", "sidecar@sha256:12", "sidecar@md5:aa", ":1"] {
            assert!(matches!(
                malformed.parse::<Image>(),
                Err(ImageError::Malformed(_))
            ));
        }
    }
}
