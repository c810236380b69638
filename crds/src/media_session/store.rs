//! Where the records of a session are kept.

use std::time::Duration as Time;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Duration, Quantity, SecretKeyRef};

/// Size of the volume of an SQLite store, in bytes. The rule that lets `size` only grow names it too.
pub const DEFAULT_SIZE: u64 = 1 << 30;
/// How long records are kept.
pub const DEFAULT_RETENTION: Time = Time::from_hours(90 * 24);

/// Where records are kept: at most one of `sqlite` and `postgres`; none is sqlite. The kind is immutable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!has(self.sqlite) || !has(self.postgres)")
        .message("spec.store allows only one of sqlite and postgres"),
    validation = Rule::new("!has(self.reclaim) || !has(self.postgres)")
        .message("spec.store.reclaim is not allowed with postgres, which has no volume")
        .field_path(".reclaim"),
)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// Files on a volume of the session's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<Sqlite>,

    /// A database that several sidecars share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Postgres>,

    /// Key that seals media keys and device keys at rest, 32 bytes in base64 or hex. Several keys, one a line,
    /// are a rotation: the first seals, all open. Default: they are not sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key_secret_ref: Option<SecretKeyRef>,

    /// How long records are kept: 1h to 3650d. The tenant's objects are never touched. Default 90d.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= duration('1h') && self <= duration('87600h')")
        .message("spec.store.retention must be between 1h and 3650d"))]
    pub retention: Option<Duration>,

    /// What happens to the volume with the session: Retain or Delete. Default Retain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reclaim: Option<Reclaim>,
}

/// Files on a volume of the session's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.storageClassName) || !has(self.ephemeral) || !self.ephemeral")
    .message("spec.store.sqlite.storageClassName is not allowed with ephemeral")
    .field_path(".storageClassName"))]
#[serde(rename_all = "camelCase")]
pub struct Sqlite {
    /// Size of the volume, at least 16Mi; it may only grow. Default 1Gi.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("quantity(string(self)).compareTo(quantity('16Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Ei')) <= 0")
        .message("spec.store.sqlite.size must be between 16Mi and 1Ei"))]
    pub size: Option<Quantity>,

    /// Storage class of the volume. Immutable. Default: the cluster's default class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,

    /// Keeps the records only as long as the pod lives. Immutable. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<bool>,
}

/// A database that several sidecars share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Postgres {
    /// Key of a Secret that holds the connection URL.
    pub url_secret_ref: SecretKeyRef,
}

/// What happens to the volume with the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Reclaim {
    /// It stays, and a session of the same name takes it up again.
    #[default]
    Retain,
    /// It goes.
    Delete,
}

// === impl Store ===

impl Store {
    /// The SQLite store, unless the store is Postgres.
    #[must_use]
    pub fn sqlite(&self) -> Option<Sqlite> {
        match (&self.sqlite, &self.postgres) {
            (Some(sqlite), _) => Some(sqlite.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(Sqlite::default()),
        }
    }

    /// How long records are kept.
    #[must_use]
    pub fn retention(&self) -> Time {
        self.retention
            .as_ref()
            .map_or(DEFAULT_RETENTION, Duration::get)
    }

    /// What happens to the volume with the session.
    #[must_use]
    pub fn reclaim(&self) -> Reclaim {
        self.reclaim.unwrap_or_default()
    }
}

// === impl Sqlite ===

impl Sqlite {
    /// Size of the volume in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.as_ref().map_or(DEFAULT_SIZE, Quantity::bytes)
    }

    /// Whether the records live only as long as the pod.
    #[must_use]
    pub fn ephemeral(&self) -> bool {
        self.ephemeral.unwrap_or(false)
    }
}
