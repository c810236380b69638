//! Configuration: the two Kubernetes resources, read from files.
//!
//! What `kubectl apply` takes is what the sidecar reads: `documents` finds the objects, `secrets`
//! the values they refer to, `resolve` makes of both what the program runs, `watch` notices edits.

mod documents;
mod endpoints;
mod error;
pub mod generated_key;
mod resolve;
mod secrets;
mod session;
mod signature;
mod storage;
mod unsupported;
pub mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

pub use documents::{Documents, Strictness};
pub use error::ConfigError;
pub use secrets::{SecretValue, Secrets};
pub use session::{AcceptedKeys, AutoPersist, Chats, SessionConfig, Storage, Transfers};

use documents::namespace_of;

/// Where the configuration stands and how strictly it is read.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Files and folders of YAML.
    pub manifests: Vec<PathBuf>,
    /// Folder of Secrets: `DIR/[<namespace>/]<name>/<key>`.
    pub secrets: Option<PathBuf>,
    /// Standalone or in a pod.
    pub mode: Mode,
    /// For generated keys.
    pub data_dir: PathBuf,
    /// Webhooks may be over http, to the ranges that are allowed.
    pub plain_http: bool,
}

/// Who runs the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A person: what is missing or unknown ends the program.
    Standalone,
    /// The operator: what is missing or unknown is reported and never fatal.
    InPod,
}

/// The sessions to run, by API name.
pub type Sessions = BTreeMap<String, Arc<SessionConfig>>;

impl Sources {
    /// Reads everything.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming file, document and field.
    pub fn load(&self) -> Result<Sessions, ConfigError> {
        let strictness = match self.mode {
            Mode::Standalone => Strictness::RefuseUnknown,
            Mode::InPod => Strictness::IgnoreUnknown,
        };
        let documents = Documents::read(&self.manifests, strictness)?;
        let namespaces: BTreeSet<String> = documents
            .sessions
            .iter()
            .map(|session| namespace_of(&session.metadata))
            .chain(
                documents
                    .storages
                    .keys()
                    .map(|(namespace, _)| namespace.clone()),
            )
            .collect();
        let secrets = Secrets::new(&documents, self.secrets.clone(), namespaces.len());
        let mut sessions = Sessions::new();
        for object in &documents.sessions {
            let mut config = resolve::resolve(object, &documents, &secrets, self)?;
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

    fn generate_key(&self, config: &mut SessionConfig) -> Result<(), ConfigError> {
        let path = generated_key::path(&self.data_dir, &config.key);
        let key = generated_key::read_or_create(&path, rand::random())?;
        config.api_keys = AcceptedKeys::new([key.as_bytes()]);
        config.generated_key = Some(path);
        Ok(())
    }
}
