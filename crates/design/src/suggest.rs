//! "Did you mean": the nearest known word.

/// The known word nearest to what was written, if one is near: at most a third of its letters differ, or it starts with
/// what was written.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    known
        .into_iter()
        .map(|word| (distance(&lower, &word.to_lowercase()), word))
        .filter(|(d, word)| {
            *d <= (word.chars().count() / 3).max(1) || (lower.len() >= 3 && word.to_lowercase().starts_with(&lower))
        })
        .min_by_key(|(d, _)| *d)
        .map(|(_, word)| word)
}

/// Edit distance with transpositions of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&last, j + 1) + 1).min(at(&row, j) + 1).min(at(&last, j) + usize::from(x != *y));
            let swapped = j > 0 && previous == Some(*y) && b.get(j - 1) == Some(&x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        previous = Some(x);
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested() {
        assert_eq!(nearest("regoins", ["regions", "naming"]), Some("regions"));
        assert_eq!(nearest("swedencentrl", ["swedencentral", "francecentral"]), Some("swedencentral"));
        assert_eq!(nearest("storag", ["storage", "search"]), Some("storage"));
        assert_eq!(nearest("colour", ["regions", "naming"]), None);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
