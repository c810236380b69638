//! `titan-sidecar`: arguments, configuration, ports, signals. Exit code 64 is a configuration that
//! can't be run (`EX_USAGE`), 1 anything else.

use std::{io, process::ExitCode};

use anyhow::Context;
use titan_sidecar::{
    args::{Args, Backup, Command, EX_USAGE, Probe, Serve},
    backup::{self, BackupError},
    config::ConfigError,
    demo, launch, probe, serve, shutdown, telemetry,
};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args = match Args::from_command_line() {
        Ok(args) => args,
        Err(code) => return code,
    };
    match run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("titan-sidecar: {error:#}");
            if error.is::<ConfigError>() {
                ExitCode::from(EX_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Two workers are enough for a process that mostly waits; each costs memory.
#[tokio::main(worker_threads = 2)]
async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => run_serve(*args).await,
        Command::Probe(args) => run_probe(&args).await,
        Command::Demo(args) => Ok(demo::run(&args).await?),
        Command::Openapi => {
            println!("{}", titan_sidecar::api::document().to_pretty_json()?);
            Ok(())
        }
        Command::Backup(args) => run_backup(*args).await,
        Command::Version => {
            println!("titan-sidecar {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    }
}

async fn run_serve(args: Serve) -> anyhow::Result<()> {
    telemetry::init(args.log_format);
    let config = launch::prepare(args).await?;
    let shutdown = shutdown::on_signal().context("signals")?;
    Ok(serve::run(config, shutdown).await?)
}

async fn run_probe(args: &Probe) -> anyhow::Result<()> {
    telemetry::init(args.log_format);
    let verdict = probe::run(args).await?;
    let log = probe::termination_log(args);
    probe::write(&verdict, io::stdout(), log.as_deref()).context("the verdict can't be written")
}

async fn run_backup(args: Backup) -> anyhow::Result<()> {
    let copied = backup::run(args, &mut io::stdout()).await;
    let length = copied.map_err(|error| match error {
        BackupError::Config(error) => error.into(),
        error => anyhow::Error::from(error),
    })?;
    eprintln!("{length} bytes");
    Ok(())
}
