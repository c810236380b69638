//! `titan-sidecar`: arguments, configuration, ports, signals. Exit code 64 is a configuration that
//! can't be run (`EX_USAGE`), 1 anything else.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, error::ErrorKind};
use titan_sidecar::{
    args::{Args, Command, Serve},
    demo, launch, serve, shutdown, telemetry,
};

const EX_USAGE: u8 = 64;

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
    let result = match args.command {
        Command::Serve(args) => return run_serve(*args),
        Command::Demo(args) => {
            runtime().and_then(|runtime| runtime.block_on(demo::run(&args)).map_err(Into::into))
        }
        Command::Openapi => print_openapi(),
        Command::Version => {
            println!("titan-sidecar {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    finish(result)
}

fn run_serve(args: Serve) -> ExitCode {
    telemetry::init(args.log_format);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(error)),
    };
    runtime.block_on(async {
        let (config, sessions) = match launch::prepare(args).await {
            Ok(prepared) => prepared,
            Err(error) => {
                eprintln!("titan-sidecar: {error}");
                return ExitCode::from(EX_USAGE);
            }
        };
        let served = match shutdown::on_signal() {
            Ok(shutdown) => serve::run(config, sessions, shutdown)
                .await
                .map_err(Into::into),
            Err(error) => Err(error).context("signals"),
        };
        finish(served)
    })
}

fn print_openapi() -> anyhow::Result<()> {
    println!("{}", titan_sidecar::api::document().to_pretty_json()?);
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

fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("titan-sidecar: {error:#}");
            ExitCode::FAILURE
        }
    }
}
