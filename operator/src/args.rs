//! The command line. Every flag is an environment variable too: `TITAN_` and its name.

use std::{net::SocketAddr, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum, error::ErrorKind};
use ipnet::IpNet;
use url::Url;

/// Turns TenantStorage and MediaSession objects into one sidecar per session.
#[derive(Debug, Parser)]
#[command(name = "titan-operator", version, propagate_version = true)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// What to do. Default: run.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The flags of `run`.
    #[command(flatten)]
    pub run: Run,
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
    /// Run the operator (default).
    Run(Box<Run>),
    /// Print the CustomResourceDefinitions as YAML.
    Crds,
    /// Print the version.
    Version,
}

/// `run`.
#[derive(Debug, Clone, clap::Args)]
pub struct Run {
    /// Image of the sidecar, with a digest; for development a tag other than latest will do. Required.
    #[arg(long, env = "TITAN_SIDECAR_IMAGE", value_name = "IMAGE")]
    pub sidecar_image: Option<String>,

    /// Namespaces to look after. Default: all of them.
    #[arg(
        long,
        env = "TITAN_WATCH_NAMESPACE",
        value_name = "NAMESPACE",
        value_delimiter = ','
    )]
    pub watch_namespace: Vec<String>,

    /// Take part in an election, and act only as the leader. Needed with more than one replica.
    #[arg(long, env = "TITAN_LEADER_ELECT")]
    pub leader_elect: bool,

    /// Objects of one kind that are worked on at once.
    #[arg(long, env = "TITAN_CONCURRENCY", value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,

    /// Address of /livez, /readyz and /metrics.
    #[arg(
        long,
        env = "TITAN_ADMIN_LISTEN",
        value_name = "ADDR",
        default_value = "0.0.0.0:9090"
    )]
    pub admin_listen: SocketAddr,

    /// Shape of the log on standard error. `RUST_LOG` sets its level.
    #[arg(
        long,
        env = "TITAN_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "json"
    )]
    pub log_format: LogFormat,

    /// Passed on to every sidecar: fetch media from these origins instead of WhatsApp's own.
    #[arg(
        long,
        env = "TITAN_SIDECAR_CDN_ORIGIN",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub sidecar_cdn_origin: Vec<Url>,

    /// Passed on to every sidecar: address ranges that webhooks and buckets may be in although they are not
    /// public.
    #[arg(
        long,
        env = "TITAN_SIDECAR_ALLOW_CIDR",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub sidecar_allow_cidr: Vec<IpNet>,

    /// Requests and limits of sidecars whose session names none: JSON of a pod's `resources`, or of an object
    /// that maps namespaces to such, "*" to the rest.
    #[arg(long, env = "TITAN_SIDECAR_RESOURCES", value_name = "JSON")]
    pub sidecar_resources: Option<String>,

    /// Image of linked devices, as `--sidecar-image`. Default: no session can have a device of its own.
    #[arg(long, env = "TITAN_WHATSAPP_IMAGE", value_name = "IMAGE")]
    pub whatsapp_image: Option<String>,

    /// Requests and limits of linked devices whose session names none, as `--sidecar-resources`.
    #[arg(long, env = "TITAN_WHATSAPP_RESOURCES", value_name = "JSON")]
    pub whatsapp_resources: Option<String>,

    /// Passed on to every linked device, for tests: the server to speak to instead of WhatsApp's own.
    #[arg(long, env = "TITAN_WHATSAPP_ENDPOINT", value_name = "URL", hide = true)]
    pub whatsapp_endpoint: Option<Url>,

    /// Host names under which sessions may be exposed: JSON of an object that maps namespaces, or "*" for all,
    /// to lists of names, `*.example.com` among them. Default: none.
    #[arg(long, env = "TITAN_EXPOSE_ALLOWED_HOSTS", value_name = "JSON")]
    pub expose_allowed_hosts: Option<String>,

    /// Sessions that an upgrade of the fleet may have down at once. Default: the larger of 5 and 2 %.
    #[arg(long, env = "TITAN_MAX_UNAVAILABLE_SESSIONS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_unavailable_sessions: Option<u32>,

    /// Namespace of the operator itself: of its lease, and the one that may reach the sidecars' admin port.
    #[arg(
        long,
        env = "TITAN_OPERATOR_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = "titan-system"
    )]
    pub operator_namespace: String,

    /// Namespace of the monitoring, which may reach the sidecars' admin port. Default: none.
    #[arg(long, env = "TITAN_MONITORING_NAMESPACE", value_name = "NAMESPACE")]
    pub monitoring_namespace: Option<String>,

    /// Domain of the cluster's names.
    #[arg(
        long,
        env = "TITAN_CLUSTER_DOMAIN",
        value_name = "DOMAIN",
        default_value = "cluster.local"
    )]
    pub cluster_domain: String,

    /// Address ranges that sidecars may reach beyond the internet and their own namespace.
    #[arg(
        long,
        env = "TITAN_EGRESS_CIDR",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub egress_cidr: Vec<IpNet>,

    /// Leave the numeric user of pods to the platform, as OpenShift wants it.
    #[arg(long, env = "TITAN_OPENSHIFT")]
    pub openshift: bool,
}

/// Shape of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn run_is_the_default() {
        let bare = Args::try_parse_from(["titan-operator", "--concurrency", "3"]).unwrap();
        assert!(bare.command.is_none());
        assert_eq!(bare.run.concurrency, 3);
        let named = Args::try_parse_from(["titan-operator", "run", "--concurrency", "3"]).unwrap();
        assert!(matches!(named.command, Some(Command::Run(run)) if run.concurrency == 3));
        let crds = Args::try_parse_from(["titan-operator", "crds"]).unwrap();
        assert!(matches!(crds.command, Some(Command::Crds)));
    }
}
