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
    /// Name under which the phone lists the device.
    pub device_name: String,
    /// Whether the account is shown as online.
    pub mark_online: bool,
    /// Version of WhatsApp Web that the device says it is.
    pub client_version: (u32, u32, u32),
    /// Another server than WhatsApp's own.
    pub endpoint: Option<String>,
}

/// Arguments that can't be run.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `--device-name`.
    #[error("--device-name: expected 1 to {LONGEST_NAME} characters without control characters")]
    DeviceName,
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
            device_name,
            mark_online,
            client_version,
            endpoint,
            log_format: _,
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
        let client_version = version(&client_version).ok_or(ConfigError::ClientVersion)?;
        Ok(Self {
            socket_dir,
            data_dir,
            device_name,
            mark_online,
            client_version,
            endpoint,
        })
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
