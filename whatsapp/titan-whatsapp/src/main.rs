//! `titan-whatsapp`: arguments, log, signals. Exit code 64 is a configuration that can't be run (`EX_USAGE`), 1 anything
//! else.

use std::process::ExitCode;

use anyhow::Context;
use titan_whatsapp::{
    args::{Args, Command, EX_USAGE, Run},
    config::{Config, ConfigError},
    serve, shutdown, telemetry,
};

fn main() -> ExitCode {
    let args = match Args::from_command_line() {
        Ok(args) => args,
        Err(code) => return code,
    };
    match run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("titan-whatsapp: {error:#}");
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
        Command::Run(args) => hold(args).await,
        Command::Version => {
            println!("titan-whatsapp {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    }
}

async fn hold(args: Run) -> anyhow::Result<()> {
    telemetry::init(args.log_format);
    let until_stdin_closes = args.until_stdin_closes;
    let config = Config::try_from(args)?;
    let shutdown = shutdown::on_signal().context("signals")?;
    if until_stdin_closes {
        shutdown::on_end_of_input(shutdown.clone());
    }
    Ok(serve::run(config, shutdown).await?)
}
