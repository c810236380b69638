//! What the controller remembers between reconciles. All of it may be lost: it saves requests, and nothing hangs on it
//! but the pace of the fleet's upgrade.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;

use super::{build::FoundVolume, rollout::Fleet};

/// What the controller remembers.
#[derive(Debug)]
pub(super) struct Memory {
    began: Timestamp,
    fleet: Mutex<Fleet>,
    /// Volumes by the session's uid, each with its own.
    volumes: Mutex<HashMap<String, (String, FoundVolume)>>,
    /// When something was last done for a session that is not to be done all the time.
    acts: Mutex<HashMap<(Act, String), Timestamp>>,
    gateway_api: AtomicBool,
}

/// What is not to be done, or counted, all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Act {
    /// Making the kubelet look at the pod's volumes.
    Refresh,
    /// Making the API-key Secret again.
    ApiKey,
    /// Having been ready.
    Ready,
}

impl Memory {
    pub(super) fn new(fleet: Fleet, now: Timestamp) -> Self {
        Self {
            began: now,
            fleet: Mutex::new(fleet),
            volumes: Mutex::default(),
            acts: Mutex::default(),
            gateway_api: AtomicBool::new(false),
        }
    }

    /// When the controller began.
    pub(super) const fn began(&self) -> Timestamp {
        self.began
    }

    pub(super) fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The volume `uid` of a session, if it was looked at before.
    pub(super) fn volume(&self, session: &str, uid: &str) -> Option<FoundVolume> {
        let volumes = self.volumes();
        let (known, volume) = volumes.get(session)?;
        (known == uid).then(|| volume.clone())
    }

    pub(super) fn keep_volume(&self, session: &str, uid: String, volume: FoundVolume) {
        self.volumes().insert(session.to_owned(), (uid, volume));
    }

    /// When the act was last done for the session of that uid.
    pub(super) fn last(&self, act: Act, uid: &str) -> Option<Timestamp> {
        self.acts().get(&(act, uid.to_owned())).copied()
    }

    pub(super) fn done(&self, act: Act, uid: &str, now: Timestamp) {
        self.acts().insert((act, uid.to_owned()), now);
    }

    /// The cluster has the Gateway API.
    pub(super) fn has_gateway_api(&self) -> bool {
        self.gateway_api.load(Ordering::Relaxed)
    }

    pub(super) fn found_gateway_api(&self) {
        self.gateway_api.store(true, Ordering::Relaxed);
    }

    /// Forgets the sessions that are gone.
    pub(super) fn retain(&self, session: impl Fn(&str) -> bool) {
        self.acts().retain(|(_, uid), _| session(uid));
        self.volumes().retain(|uid, _| session(uid));
    }

    fn volumes(&self) -> MutexGuard<'_, HashMap<String, (String, FoundVolume)>> {
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acts(&self) -> MutexGuard<'_, HashMap<(Act, String), Timestamp>> {
        self.acts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
