//! The command line. Every flag is an environment variable too: `TITAN_` and its name.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum, error::ErrorKind};

/// One linked WhatsApp device: pairing, messages in and out, media connection, media retry; over a Unix socket.
#[derive(Debug, Parser)]
#[command(name = "titan-whatsapp", version, propagate_version = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Exit code of a configuration that can't be run (`sysexits.h`).
pub const EX_USAGE: u8 = 64;

impl Args {
    /// What the program was called with. Where that is nothing to run, says so, or prints the help that was asked
    /// for; `Err` is the exit code.
    pub fn from_command_line() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // Nothing is left to do when the message itself can't be written.
            let _unwritable = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(EX_USAGE),
            }
        })
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Hold the device.
    Run(Run),
    /// Print the version.
    Version,
}

/// `run`.
#[derive(Debug, Clone, clap::Args)]
pub struct Run {
    /// Folder that this program and its sidecar share, and nobody else: `whatsapp.sock` is served here, `sidecar.sock`
    /// called.
    #[arg(long, env = "TITAN_SOCKET_DIR", value_name = "DIR")]
    pub socket_dir: PathBuf,

    /// Folder of the device's keys. One process at a time uses it; losing it means linking again.
    #[arg(long, env = "TITAN_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,

    /// Name under which the phone lists the device.
    #[arg(
        long,
        env = "TITAN_DEVICE_NAME",
        value_name = "NAME",
        default_value = "Titan Media"
    )]
    pub device_name: String,

    /// Folder of a mounted Secret whose value `--store-key-name` seals the device's keys; every other value still opens them.
    #[arg(
        long,
        env = "TITAN_STORE_KEY_DIR",
        value_name = "DIR",
        requires = "store_key_name"
    )]
    pub store_key_dir: Option<PathBuf>,

    /// Name of the file in `--store-key-dir` whose value seals.
    #[arg(
        long,
        env = "TITAN_STORE_KEY_NAME",
        value_name = "KEY",
        requires = "store_key_dir"
    )]
    pub store_key_name: Option<String>,

    /// File with the URL of a proxy to reach WhatsApp through: `http`, `https` or `socks5`, with user and password where it
    /// wants them.
    #[arg(long, env = "TITAN_PROXY_URL_FILE", value_name = "PATH")]
    pub proxy_url_file: Option<PathBuf>,

    /// Show the account as online while the device is connected; phones then show no notifications.
    #[arg(long, env = "TITAN_MARK_ONLINE")]
    pub mark_online: bool,

    /// Hand over what the phone offers of the chats' history when the device is linked.
    #[arg(long, env = "TITAN_HISTORY")]
    pub history: bool,

    /// Version of WhatsApp Web that the device says it is. Servers refuse old ones.
    #[arg(
        long,
        env = "TITAN_CLIENT_VERSION",
        value_name = "A.B.C",
        default_value = "2.3000.1042742319"
    )]
    pub client_version: String,

    /// End as on SIGTERM when standard input ends: whoever started the program is gone.
    #[arg(long)]
    pub until_stdin_closes: bool,

    /// Another server than WhatsApp's own.
    #[arg(long, env = "TITAN_ENDPOINT", value_name = "URL", hide = true)]
    pub endpoint: Option<String>,

    /// Shape of the log on standard error. `RUST_LOG` sets its level.
    #[arg(
        long,
        env = "TITAN_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "json"
    )]
    pub log_format: LogFormat,
}

/// Shape of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}
