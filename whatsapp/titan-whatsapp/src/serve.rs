//! A run: the lock, the sockets, the device; and back.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::{
    api,
    config::Config,
    device::{Device, Supervisor},
    lock::DataDirLock,
    sidecar::{Delivery, Events, Sidecar},
};

/// The socket that is served.
const SERVED: &str = "whatsapp.sock";

/// The socket that is called.
const CALLED: &str = "sidecar.sock";

/// A run that can't begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory.
    #[error("the data directory can't be locked")]
    Lock(#[source] io::Error),
    /// The socket.
    #[error("{path}: can't be listened at")]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Holds the device until told to stop.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), ServeError> {
    let lock = shutdown
        .run_until_cancelled(DataDirLock::acquire(&config.data_dir))
        .await;
    let Some(lock) = lock else { return Ok(()) };
    let _lock = lock.map_err(ServeError::Lock)?;
    let listener = listen(&config)?;

    let sidecar = Arc::new(Sidecar::new(config.socket_dir.join(CALLED)));
    let (events, telling) = Events::new(Arc::clone(&sidecar));
    let telling = tokio::spawn(telling);
    let (device, commands) = Device::new(events);
    let delivery = Delivery::new(sidecar);
    let supervisor = Supervisor::new(
        config,
        Arc::clone(&device),
        delivery,
        commands,
        shutdown.clone(),
    );

    let served = tokio::spawn(api::serve(listener, device, shutdown));
    supervisor.run().await;
    served.abort();
    telling.abort();
    Ok(())
}

fn listen(config: &Config) -> Result<UnixListener, ServeError> {
    let path = config.socket_dir.join(SERVED);
    let failed = |source| ServeError::Listen {
        path: path.clone(),
        source,
    };
    fs::create_dir_all(&config.socket_dir).map_err(failed)?;
    // Left by a process that was killed: we hold the lock, so nobody listens there.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}
