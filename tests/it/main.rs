//! Tests of the whole house; one binary, one link.

mod corpus;
