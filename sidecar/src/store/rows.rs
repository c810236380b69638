//! Statements over many rows at once. They come in few sizes only, so that each is prepared once.

use super::sql::{self, Query};

/// Row counts for which statements exist, largest first.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// Cuts `rows` into pieces that statements exist for.
pub(super) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (piece, rest) = rows.split_at_checked(size)?;
        rows = rest;
        Some(piece)
    })
}

/// Cuts `values` into lists for `IN (…)`, each filled up with its last value to a size that a
/// statement exists for: one list of 64 costs less than eight statements.
pub(super) fn lists<T: Clone>(values: &[T]) -> impl Iterator<Item = Vec<T>> {
    values.chunks(SIZES[0]).filter_map(|chunk| {
        let size = SIZES.into_iter().rev().find(|size| *size >= chunk.len())?;
        let mut list = chunk.to_vec();
        list.resize(size, chunk.last()?.clone());
        Some(list)
    })
}

/// `head (?,?…),(?,?…) tail` for `rows` rows of `columns` columns.
pub(super) fn statement(head: &str, columns: usize, rows: usize, tail: &str) -> Query {
    let mut text = String::with_capacity(head.len() + tail.len() + rows * (columns * 2 + 2));
    text.push_str(head);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            text.push_str(if column == 0 { "?" } else { ",?" });
        }
        text.push(')');
    }
    text.push_str(tail);
    sql::built(text)
}

/// `head (?,?,…) tail` for a list of `values` values.
pub(super) fn list_statement(head: &str, values: usize, tail: &str) -> Query {
    statement(head, values, 1, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_lose_nothing_and_keep_the_order() {
        let rows: Vec<usize> = (0..83).collect();
        let sizes: Vec<usize> = pieces(&rows).map(<[_]>::len).collect();
        assert_eq!(sizes, [64, 16, 1, 1, 1]);
        assert_eq!(pieces(&rows).flatten().copied().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn lists_are_filled_up_with_the_last_value() {
        let lists: Vec<Vec<u8>> = lists(&[1, 2, 3]).collect();
        assert_eq!(lists, [vec![1, 2, 3, 3]]);
    }
}
