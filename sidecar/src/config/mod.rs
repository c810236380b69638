//! Configuration: the two Kubernetes resources, read from files.
//!
//! What `kubectl apply` takes is what the sidecar reads: `documents` finds the objects, `lookup` what
//! they refer to, `resolve` makes of both what the program runs, `watch` notices edits, and `memory`
//! keeps in use what vanishes from under a pod.

mod access;
mod auto_persist;
mod certificate;
mod config_maps;
mod cosi;
pub mod device;
mod documents;
mod endpoints;
mod error;
mod folders;
pub mod generated_key;
mod lookup;
mod memory;
mod resolve;
mod secrets;
mod sending;
mod session;
mod signature;
mod storage;
pub mod watch;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

pub use certificate::{Certificate, Transport};
pub use device::DeviceConfig;
pub use documents::{Documents, Strictness};
pub use error::ConfigError;
pub use secrets::Missing;
pub use sending::Sending;
pub use session::{
    AcceptedKeys, AutoPersist, Chats, RateLimit, Records, SessionConfig, Storage, Transfers,
};

use documents::{key_of, namespace_of};
use lookup::Lookup;
use memory::Memory;
use titan_crds::MediaSession;

use crate::{device::Place, message::SessionKey};

/// Where the configuration stands and how strictly it is read.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Files and folders of YAML.
    pub manifests: Vec<PathBuf>,
    /// Folder of Secrets: `DIR/[<namespace>/]<name>/<key>`.
    pub secrets: Option<PathBuf>,
    /// Folder of `ConfigMap`s, in the same layout.
    pub config_maps: Option<PathBuf>,
    /// What the process can prove of itself to a token service.
    pub identity: WorkloadIdentity,
    /// Standalone or in a pod.
    pub mode: Mode,
    /// For generated keys.
    pub data_dir: PathBuf,
    /// Webhooks may be over http, to the ranges that are allowed.
    pub plain_http: bool,
    /// Where the program is that holds linked devices.
    pub device_place: Option<Place>,
}

/// The identity that the platform gave to the process.
#[derive(Debug, Clone, Default)]
pub struct WorkloadIdentity {
    /// File of its token.
    pub token_file: Option<PathBuf>,
    /// Role to assume where a storage names none.
    pub role_arn: Option<String>,
}

/// Who runs the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A person: what is missing or unknown ends the program.
    Standalone,
    /// The operator: what is missing or unknown is reported and never fatal.
    InPod,
}

/// Whose records, and where they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordsOf {
    /// Tenant and API name.
    pub session: SessionKey,
    /// In a database; else in a file below the data directory.
    pub on_postgres: bool,
}

/// The sessions to run, by API name.
pub type Sessions = BTreeMap<String, Arc<SessionConfig>>;

impl Sources {
    /// Reads everything. In a pod, what has vanished since `memory` was kept is used as it last was,
    /// and manifests without a session are refused: the operator never means that.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming file, document and field.
    fn load(&self, memory: &Memory) -> Result<Sessions, ConfigError> {
        let documents = self.documents()?;
        if self.mode == Mode::InPod && documents.sessions.is_empty() {
            let message = "no MediaSession in the manifests".to_owned();
            return Err(ConfigError::Whole(message));
        }
        refuse_two_transports(&documents.sessions)?;
        if let Some(Place::Given(_)) = &self.device_place {
            refuse_two_devices(&documents.sessions)?;
        }
        let lookup = self.lookup(&documents, memory);
        let mut sessions = Sessions::new();
        for object in &documents.sessions {
            let mut config = resolve::resolve(object, &lookup, self)?;
            if self.mode == Mode::Standalone && object.spec.auth().api_keys_secret_ref.is_none() {
                self.generate_key(&mut config)?;
            }
            let name = config.key.session.clone();
            if sessions.insert(name.clone(), Arc::new(config)).is_some() {
                return Err(ConfigError::Whole(format!(
                    "two MediaSessions have the API name {name:?} (spec.session, else metadata.name); \
                     one process serves a name once"
                )));
            }
        }
        Ok(sessions)
    }

    /// Reads one storage, for a check of its bucket. What is missing is part of the answer.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], when the manifests can't be read.
    pub fn load_storage(&self, namespace: &str, name: &str) -> Result<Storage, ConfigError> {
        let (documents, memory) = (self.documents()?, Memory::default());
        let lookup = self.lookup(&documents, &memory);
        let object = match lookup.storage(namespace, name) {
            Ok(object) => object,
            Err(missing) => return Ok(Storage::Unusable(missing)),
        };
        let resolved = storage::resolve(&object, namespace, &lookup);
        Ok(resolved.unwrap_or_else(|fault| Storage::Unusable(storage::unusable(fault))))
    }

    /// Where one session keeps its records. Without a name, there must be one session only. Nothing
    /// that the session refers to needs to be there.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], when the manifests can't be read, or do not have that one session.
    pub fn find_records(&self, session: Option<&str>) -> Result<RecordsOf, ConfigError> {
        let sessions = self.documents()?.sessions;
        let object = match (session, sessions.as_slice()) {
            (Some(name), all) => all.iter().find(|object| object.api_name() == name),
            (None, [one]) => Some(one),
            (None, all) => {
                let count = all.len();
                let message = format!("the manifests have {count} sessions: say --session NAME");
                return Err(ConfigError::Whole(message));
            }
        };
        let object = object.ok_or_else(|| {
            let name = session.unwrap_or_default();
            ConfigError::Whole(format!("the manifests have no session {name:?}"))
        })?;
        Ok(RecordsOf {
            session: key_of(object),
            on_postgres: object.spec.store().postgres.is_some(),
        })
    }

    fn documents(&self) -> Result<Documents, ConfigError> {
        let strictness = match self.mode {
            Mode::Standalone => Strictness::RefuseUnknown,
            Mode::InPod => Strictness::IgnoreUnknown,
        };
        Documents::read(&self.manifests, strictness)
    }

    fn lookup<'a>(&'a self, documents: &'a Documents, memory: &'a Memory) -> Lookup<'a> {
        Lookup::new(self, documents, memory)
    }

    fn generate_key(&self, config: &mut SessionConfig) -> Result<(), ConfigError> {
        let path = generated_key::path(&self.data_dir, &config.key);
        let key = generated_key::read_or_create(&path, rand::random())?;
        config.api_keys = AcceptedKeys::new([key.as_bytes()]);
        config.generated_key = Some(path);
        Ok(())
    }
}

/// A program that somebody else runs holds one device.
fn refuse_two_devices(sessions: &[MediaSession]) -> Result<(), ConfigError> {
    let devices = sessions
        .iter()
        .filter_map(|session| session.spec.whatsapp());
    if devices.count() < 2 {
        return Ok(());
    }
    let message =
        "--whatsapp-socket is of one device: only one session may have spec.source.whatsapp";
    Err(ConfigError::Whole(message.to_owned()))
}

/// There is one API port, and so one certificate.
fn refuse_two_transports(sessions: &[MediaSession]) -> Result<(), ConfigError> {
    let transport = |session: &MediaSession| {
        let tls = session.spec.tls.clone()?;
        Some((namespace_of(&session.metadata), tls.secret_ref.name))
    };
    let mut transports = sessions.iter().map(transport);
    let first = transports.next();
    if transports.all(|other| Some(other) == first) {
        return Ok(());
    }
    let message = "the sessions of one process share its port: spec.tls must be the same in all";
    Err(ConfigError::Whole(message.to_owned()))
}
