//! PDUs, the association state machine, DIMSE services, both roles.
