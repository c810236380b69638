//! What the arguments mean, checked before anything starts.

use std::path::PathBuf;

use crate::args::Run;

/// Longest name that a phone shows whole.
const LONGEST_NAME: usize = 50;

/// How to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of the two sockets.
    pub socket_dir: PathBuf,
    /// Folder of the device's keys.
    pub data_dir: PathBuf,
    /// What seals the device's keys.
    pub store_key: Option<StoreKeyPlace>,
    /// File with the URL of a proxy. It is read at every connection.
    pub proxy_url_file: Option<PathBuf>,
    /// Name under which the phone lists the device.
    pub device_name: String,
    /// Whether the account is shown as online.
    pub mark_online: bool,
    /// Whether the sidecar is told what the phone offers of the chats' history.
    pub history: bool,
    /// Version of WhatsApp Web that the device says it is.
    pub client_version: (u32, u32, u32),
    /// Another server than WhatsApp's own.
    pub endpoint: Option<String>,
}

/// Where the key is that seals the device's keys. It is read whenever they are opened.
#[derive(Debug, Clone)]
pub struct StoreKeyPlace {
    /// Folder of a mounted Secret.
    pub folder: PathBuf,
    /// Name of the file in it.
    pub name: String,
}

/// Arguments that can't be run.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `--device-name`.
    #[error("--device-name: expected 1 to {LONGEST_NAME} characters without control characters")]
    DeviceName,
    /// `--store-key-name`.
    #[error("--store-key-name: expected the name of a file in --store-key-dir")]
    StoreKey,
    /// `--client-version`.
    #[error("--client-version: expected three numbers with dots between")]
    ClientVersion,
    /// `--endpoint`.
    #[error("--endpoint: expected ws:// or wss://")]
    Endpoint,
}

impl TryFrom<Run> for Config {
    type Error = ConfigError;

    fn try_from(args: Run) -> Result<Self, ConfigError> {
        let Run {
            socket_dir,
            data_dir,
            store_key_dir,
            store_key_name,
            proxy_url_file,
            device_name,
            mark_online,
            history,
            client_version,
            endpoint,
            log_format: _,
            until_stdin_closes: _,
        } = args;
        let length = device_name.chars().count();
        if length == 0 || length > LONGEST_NAME || device_name.chars().any(char::is_control) {
            return Err(ConfigError::DeviceName);
        }
        if endpoint
            .as_deref()
            .is_some_and(|url| !url.starts_with("ws://") && !url.starts_with("wss://"))
        {
            return Err(ConfigError::Endpoint);
        }
        let store_key = store_key(store_key_dir, store_key_name)?;
        let client_version = version(&client_version).ok_or(ConfigError::ClientVersion)?;
        Ok(Self {
            socket_dir,
            data_dir,
            store_key,
            proxy_url_file,
            device_name,
            mark_online,
            history,
            client_version,
            endpoint,
        })
    }
}

/// Half of it is nothing that the device could be sealed with, and silence would be a plain file.
fn store_key(
    folder: Option<PathBuf>,
    name: Option<String>,
) -> Result<Option<StoreKeyPlace>, ConfigError> {
    match (folder, name) {
        (None, None) => Ok(None),
        (Some(folder), Some(name))
            if !name.is_empty() && !name.starts_with('.') && !name.contains('/') =>
        {
            Ok(Some(StoreKeyPlace { folder, name }))
        }
        _ => Err(ConfigError::StoreKey),
    }
}

fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers() {
        assert_eq!(version("2.3000.7"), Some((2, 3000, 7)));
        for wrong in [
            "",
            "2",
            "2.3000",
            "2.3000.7.1",
            "2.3000.x",
            "2..7",
            "-2.3000.7",
        ] {
            assert_eq!(version(wrong), None, "{wrong}");
        }
    }
}
