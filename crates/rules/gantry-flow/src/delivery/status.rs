//! What the Status (0000,0900) of a C-STORE response means for a delivery (PS3.4 B.2.3, PS3.7 annex C).

/// What a status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusClass {
    /// The destination has the object.
    Sent,
    /// It cannot take it now.
    Later,
    /// It does not want this object.
    Refused,
}

/// Classifies a status.
///
/// What the standard does not name for C-STORE counts as a refusal: it is tried again, but a person hears of it soon.
#[must_use]
pub fn classify(status: u16) -> StatusClass {
    match status {
        // Success; attributes that the destination does not keep; coerced or discarded elements. 0111: it has an object
        // of this UID, and only these bytes were ever sent under it (DL1).
        0x0000 | 0x0001 | 0x0111 | 0xB000..=0xBFFF => StatusClass::Sent,
        // Out of resources.
        0xA700..=0xA7FF => StatusClass::Later,
        // Data set does not match the SOP class, cannot understand, SOP class not supported, not authorized; and what is
        // not named.
        _ => StatusClass::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_class_that_the_design_gives_it() {
        let sent = [0x0000, 0x0001, 0x0111, 0xB000, 0xB006, 0xB007, 0xBFFF];
        let later = [0xA700, 0xA7FF];
        let refused = [0xA900, 0xA9FF, 0xC000, 0xCFFF, 0x0122, 0x0124, 0x0110, 0x0210, 0xA800, 0xD000];
        for (class, statuses) in [
            (StatusClass::Sent, &sent[..]),
            (StatusClass::Later, &later[..]),
            (StatusClass::Refused, &refused[..]),
        ] {
            for status in statuses {
                assert_eq!(classify(*status), class, "{status:04X}");
            }
        }
    }
}
