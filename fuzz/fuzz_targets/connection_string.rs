//! Connection strings of any content: nothing panics, pairs survive being written again, and no
//! Region leads to a host that is not allowed.

#![no_main]

use apilink_core::connection_string::{Pair, decode, scan, scan_bytes};
use apilink_core::profile::Profile;
use apilink_core::properties::Property;
use apilink_core::region::Region;
use apilink_core::settings::Settings;
use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret;

/// Properties that name files to be read: not with arbitrary paths.
const FILES: [&str; 4] = [
    "Profile",
    "ProfileSettings",
    "SSLServerCert",
    "SSLClientCert",
];

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes) else { return };
    check_region(text);
    let Ok(pairs) = scan_bytes(bytes) else { return };
    check_roundtrip(&pairs);
    let names_a_file =
        |pair: &Pair| Property::find(&pair.key).is_some_and(|found| FILES.contains(&found.name));
    if !pairs.iter().any(names_a_file) {
        check_settings(text);
    }
});

fn check_region(text: &str) {
    let profile = Profile::built_in_clio();
    if let Ok(region) = Region::parse(text, &profile) {
        let named = profile
            .regions
            .iter()
            .any(|known| known.host == region.origin.host());
        let is_remote = region.origin.scheme() == "https" && region.origin.port() == 443 && named;
        assert!(is_remote || region.origin.is_loopback());
    }
}

fn check_roundtrip(pairs: &[Pair]) {
    let write = |pair: &Pair| {
        format!(
            "{}='{}';",
            pair.key,
            pair.value.expose_secret().replace('\'', "''")
        )
    };
    let text: String = pairs.iter().map(write).collect();
    // Written again, the text can be longer than is allowed.
    if let Ok(again) = scan(&text) {
        let content = |pair: &Pair| (pair.key.clone(), pair.value.expose_secret().to_owned());
        let before: Vec<_> = pairs.iter().map(content).collect();
        let after: Vec<_> = again.iter().map(content).collect();
        assert_eq!(before, after);
    }
}

fn check_settings(text: &str) {
    if let Ok((settings, _)) = Settings::parse(text) {
        drop(settings.check_for_connect());
        drop(format!("{settings:?}"));
    }
}
