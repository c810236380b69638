//! Numbers of bytes as Kubernetes itself writes them, so that what is read back is what was written.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

const UNITS: [(u64, &str); 6] = [
    (1 << 60, "Ei"),
    (1 << 50, "Pi"),
    (1 << 40, "Ti"),
    (1 << 30, "Gi"),
    (1 << 20, "Mi"),
    (1 << 10, "Ki"),
];

/// That many bytes, in the largest unit that needs no fraction.
pub(super) fn bytes(number: u64) -> Quantity {
    let unit = UNITS
        .iter()
        .find(|(size, _)| number > 0 && number.is_multiple_of(*size));
    Quantity(unit.map_or_else(
        || number.to_string(),
        |(size, name)| format!("{}{name}", number / size),
    ))
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_written_in_the_largest_whole_unit() {
        let text = |number| bytes(number).0;
        assert_eq!(text(1 << 30), "1Gi");
        assert_eq!(text(1536 << 20), "1536Mi");
        assert_eq!(text(1_000_000_000), "1000000000");
        assert_eq!(text(0), "0");
    }
}
