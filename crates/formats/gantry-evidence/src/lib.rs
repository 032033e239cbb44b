//! Findings to SEG, SR and SC and back, and the form gate.
