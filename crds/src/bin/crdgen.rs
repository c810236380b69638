//! Writes the definitions of both resources as YAML files, and as templates of their chart: `crdgen DIR CHART`.

use std::{env, error::Error, fs, path::PathBuf};

use titan_crds::schema::{Kind, chart_template, file_name, yaml};

fn main() -> Result<(), Box<dyn Error>> {
    let mut folders = env::args_os().skip(1).map(PathBuf::from);
    let (Some(plain), Some(chart), None) = (folders.next(), folders.next(), folders.next()) else {
        return Err("usage: crdgen DIR CHART".into());
    };
    let templates = chart.join("templates");
    fs::create_dir_all(&plain)?;
    fs::create_dir_all(&templates)?;
    for kind in Kind::ALL {
        fs::write(plain.join(file_name(kind)), yaml(kind)?)?;
        fs::write(templates.join(file_name(kind)), chart_template(kind)?)?;
    }
    Ok(())
}
