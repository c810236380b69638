//! `titan-sidecar`: arguments, configuration, ports, signals. Exit code 64 is a configuration that
//! can't be run (`EX_USAGE`), 1 anything else.

use std::{io, process::ExitCode};

use anyhow::Context;
use clap::{Parser, error::ErrorKind};
use titan_sidecar::{
    args::{Args, Backup, Command, Probe, Serve},
    backup::{self, BackupError},
    config::ConfigError,
    demo, launch, probe, serve, shutdown, telemetry,
};

const EX_USAGE: u8 = 64;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Nothing is left to do when the message itself can't be written.
            let _unwritable = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(EX_USAGE),
            };
        }
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

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => runtime()?.block_on(run_serve(*args)),
        Command::Probe(args) => runtime()?.block_on(run_probe(&args)),
        Command::Demo(args) => Ok(runtime()?.block_on(demo::run(&args))?),
        Command::Openapi => {
            println!("{}", titan_sidecar::api::document().to_pretty_json()?);
            Ok(())
        }
        Command::Backup(args) => runtime()?.block_on(run_backup(*args)),
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

/// Two workers are enough for a process that mostly waits; each costs memory.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("runtime")
}
