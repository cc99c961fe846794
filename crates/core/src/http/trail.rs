//! The way from the first page of a list to one of its pages.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use url::Url;

/// The requests that brought a page and those before it. Pages that follow each other share their
/// way, so that it takes the room of a number for each of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    /// Those of another way may follow where this one ends.
    requests: Arc<Mutex<Vec<u64>>>,
    length: usize,
}

impl Trail {
    /// The way that leads on with a request. `self` stays as it is, and can lead on elsewhere.
    pub(crate) fn and(&self, method: &Method, url: &Url) -> Self {
        let request = digest(method, url);
        let length = self.length.saturating_add(1);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == self.length {
            requests.push(request);
            drop(requests);
            return Self {
                requests: Arc::clone(&self.requests),
                length,
            };
        }
        let own = requests.iter().copied().take(self.length).chain([request]);
        Self {
            requests: Arc::new(Mutex::new(own.collect())),
            length,
        }
    }

    /// Whether a request leads back to where this way came from.
    pub(crate) fn holds(&self, method: &Method, url: &Url) -> bool {
        let request = digest(method, url);
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().take(self.length).any(|one| *one == request)
    }
}

fn digest(method: &Method, url: &Url) -> u64 {
    let mut hasher = DefaultHasher::new();
    (method, url).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: u32) -> Url {
        Url::parse(&format!("https://service.example/list?page={number}")).unwrap()
    }

    fn holds(trail: &Trail) -> Vec<u32> {
        let is_held = |number: &u32| trail.holds(&Method::GET, &page(*number));
        (0..10).filter(is_held).collect()
    }

    #[test]
    fn ways_that_part_know_what_they_have_in_common_and_their_own() {
        let first = Trail::default().and(&Method::GET, &page(1));
        let second = first.and(&Method::GET, &page(2));
        let other = first.and(&Method::GET, &page(3));
        let (third, of_other) = (
            second.and(&Method::GET, &page(4)),
            other.and(&Method::GET, &page(5)),
        );
        assert!(holds(&Trail::default()).is_empty());
        assert_eq!(holds(&first), [1]);
        assert_eq!(holds(&second), [1, 2]);
        assert_eq!(holds(&third), [1, 2, 4]);
        assert_eq!(holds(&of_other), [1, 3, 5]);
    }

    #[test]
    fn another_method_is_another_request() {
        let trail = Trail::default().and(&Method::POST, &page(1));
        assert!(holds(&trail).is_empty());
        assert!(trail.holds(&Method::POST, &page(1)));
    }

    #[test]
    fn pages_in_a_row_share_their_way() {
        let mut trail = Trail::default();
        for number in 0..1000 {
            trail = trail.and(&Method::GET, &page(number));
        }
        assert_eq!(trail.requests.lock().unwrap().len(), 1000);
        assert_eq!(trail.length, 1000);
    }
}
