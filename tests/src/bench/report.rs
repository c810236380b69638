//! Rows of the README's table.

/// Prints one row. `holds` is `None` where there is no budget.
pub fn row(what: &str, measured: &str, budget: &str, holds: Option<bool>) {
    let verdict = match holds {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    };
    println!("| {what} | {measured} | {budget} | {verdict} |");
}

/// The middle one of several runs.
#[must_use]
pub fn median(values: Vec<f64>) -> f64 {
    percentile(values, 50)
}

/// The value that `percent` of all values are not above.
#[must_use]
pub fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) * percent).div_ceil(100)]
}

/// Bytes as MiB.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1024 * 1024)
}
