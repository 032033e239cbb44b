//! Packages, eligibility, and the steps from series to findings.
