//! Writes the definitions of both resources as YAML files: `crdgen DIR`.

use std::{env, error::Error, fs, path::PathBuf};

use titan_crds::schema::{Kind, file_name, yaml};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .ok_or("usage: crdgen DIR")?;
    fs::create_dir_all(&folder)?;
    for kind in Kind::ALL {
        fs::write(folder.join(file_name(kind)), yaml(kind)?)?;
    }
    Ok(())
}
