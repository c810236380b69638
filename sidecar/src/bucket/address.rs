//! Where a bucket's objects are found: host, path-style or virtual-hosted, signing region.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url};

use super::config::{Addressing, BucketConfig};
use super::error::BucketError;

/// What is encoded in a path: all but RFC 3986's unreserved characters and `/`, as S3
/// canonicalises it.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A bucket's place, resolved from its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Scheme, host, port and perhaps a path, without a trailing slash.
    endpoint: Url,
    bucket: String,
    path_style: bool,
    region: String,
}

// === impl Address ===

impl Address {
    /// The place that the sidecar itself speaks to.
    pub fn of(config: &BucketConfig) -> Result<Self, BucketError> {
        Self::resolve(config, config.endpoint.as_ref())
    }

    /// The place under which callers reach the same bucket.
    pub fn public(config: &BucketConfig) -> Result<Self, BucketError> {
        Self::resolve(
            config,
            config.public_endpoint.as_ref().or(config.endpoint.as_ref()),
        )
    }

    fn resolve(config: &BucketConfig, endpoint: Option<&Url>) -> Result<Self, BucketError> {
        if config.bucket.is_empty() || config.bucket.contains(['/', '?', '#', ' ']) {
            return Err(BucketError::Configuration("the bucket's name is not valid"));
        }
        let region = region(config)?;
        let endpoint = match endpoint {
            Some(url) => checked(url)?,
            None => aws_endpoint(&region)?,
        };
        let path_style = is_path_style(config.addressing, &endpoint, &config.bucket);
        Ok(Self {
            endpoint,
            bucket: config.bucket.clone(),
            path_style,
            region,
        })
    }

    /// The endpoint without the bucket.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.endpoint.as_str().trim_end_matches('/')
    }

    /// Whether the bucket's name stands in the path.
    #[must_use]
    pub fn is_path_style(&self) -> bool {
        self.path_style
    }

    /// The region to sign for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The plain URL of an object.
    #[must_use]
    pub fn object_url(&self, key: &str) -> String {
        let endpoint = self.endpoint();
        let key = encode_path(key);
        let bucket = &self.bucket;
        if self.path_style {
            return format!("{endpoint}/{}/{key}", encode_path(bucket));
        }
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        format!("{scheme}://{bucket}.{rest}/{key}")
    }
}

/// A key as it stands in a URL's path.
pub(super) fn encode_path(key: &str) -> String {
    utf8_percent_encode(key, PATH).to_string()
}

fn checked(url: &Url) -> Result<Url, BucketError> {
    let refused = |why| Err(BucketError::Configuration(why));
    if !matches!(url.scheme(), "http" | "https") {
        return refused("an endpoint must begin with http:// or https://");
    }
    if url.host().is_none() {
        return refused("an endpoint needs a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("an endpoint may not hold credentials");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("an endpoint may not hold a query or a fragment");
    }
    Ok(url.clone())
}

fn region(config: &BucketConfig) -> Result<String, BucketError> {
    if let Some(region) = config.region.as_deref().filter(|region| !region.is_empty()) {
        return Ok(region.to_owned());
    }
    let Some(endpoint) = &config.endpoint else {
        return Err(BucketError::Configuration("AWS needs a region"));
    };
    let host = endpoint.host_str().unwrap_or_default();
    if is_r2(host) {
        return Ok("auto".to_owned());
    }
    // `s3.eu-west-1.amazonaws.com` names its region; elsewhere stores take any, by custom this.
    let named = host
        .strip_prefix("s3.")
        .and_then(|rest| rest.split_once(".amazonaws.com"));
    Ok(named.map_or("us-east-1", |(region, _)| region).to_owned())
}

fn aws_endpoint(region: &str) -> Result<Url, BucketError> {
    let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !region.bytes().all(label) {
        return Err(BucketError::Configuration("the region's name is not valid"));
    }
    let suffix = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    Url::parse(&format!("https://s3.{region}.{suffix}"))
        .map_err(|_| BucketError::Configuration("the region's name is not valid"))
}

/// Virtual hosts are impossible on an IP address, for a name that is no DNS label, and for a name
/// with dots (no wildcard certificate matches it): path-style then, whatever is asked.
fn is_path_style(addressing: Addressing, endpoint: &Url, bucket: &str) -> bool {
    let Some(Host::Domain(host)) = endpoint.host() else {
        return true;
    };
    let wanted = match addressing {
        Addressing::Path => false,
        Addressing::VirtualHosted => true,
        Addressing::Auto => is_r2(host) || is_aws(host),
    };
    !(wanted && is_dns_label(bucket))
}

fn is_dns_label(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let bordered = !name.starts_with('-') && !name.ends_with('-');
    (3..=63).contains(&name.len()) && bordered && name.bytes().all(plain)
}

fn is_r2(host: &str) -> bool {
    host.ends_with(".r2.cloudflarestorage.com")
}

fn is_aws(host: &str) -> bool {
    host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")
}
