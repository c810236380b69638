//! Phone numbers as they may be shown and logged.

/// The first two digits and the last two: `+49…12`.
pub(crate) fn phone(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    match digits.as_slice() {
        [first, second, .., before, last] if digits.len() > 6 => {
            format!("+{first}{second}…{before}{last}")
        }
        _ => "+…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_number_is_not_shown() {
        assert_eq!(phone("491701234512"), "+49…12");
        assert_eq!(phone("+49 170 1234512"), "+49…12");
        assert_eq!(phone("123456"), "+…");
        assert_eq!(phone(""), "+…");
    }
}
