//! Contract suites: the laws of each port, generic over who implements it.
//!
//! An adapter instantiates a suite with one line in its tests and gets one `#[test]` per law.

pub mod blob;
pub mod infer;
pub mod performer;
pub mod store;
pub mod work;

/// One `#[test]` for each law of [`crate::blob`]; `$open` makes an empty store of blobs.
#[macro_export]
macro_rules! blob_contract {
    ($open:expr) => { $crate::blob_contract! { @ $open;
        content_is_read_back_with_its_digest
        ranges_are_cut_to_the_content
        what_is_kept_is_counted
        a_source_that_fails_leaves_nothing
        content_beyond_the_limit_is_refused
        many_threads_append_at_once
        freed_content_frees_nothing_else
    } };
    (@ $open:expr; $($law:ident)*) => { $( #[test] fn $law() { $crate::contract::blob::$law(&*$open) } )* };
}

/// One `#[test]` for each law of [`crate::store`] and [`crate::intake`]; `$open` makes an empty store.
#[macro_export]
macro_rules! store_contract {
    ($open:expr) => { $crate::store_contract! { @ $open;
        rows_are_read_back
        a_row_replaces_the_row_with_its_key
        an_id_that_is_taken_replaces_nothing
        a_conflict_writes_nothing
        revisions_are_counted_by_site_and_uid
        objects_are_counted_by_site_and_study
        the_counter_ascends_and_tells_of_news
        refusals_are_bounded_and_newest_first
        studies_are_paged_newest_first
        revisions_that_are_wanted_are_found
        studies_are_found_by_what_people_know_of_them
        the_trail_is_paged_and_told_by_subject
        open_associations_are_those_without_an_end
        irregular_text_goes_in_and_out_unchanged
        documents_are_kept_by_version
        attention_ends_only_if_nothing_came_meanwhile
        tallies_count_what_is_in_force_and_who_brought_it_first
        machines_are_versioned_and_come_when_they_are_due
    | work_is_read_back
        what_is_pinned_is_never_replaced
        as1_evidence_that_comes_back_does_not_count
        offers_come_by_lane_and_age
        identities_are_kept_once_and_by_study
        offers_are_found_by_the_ends_of_their_names
    } };
    (@ $open:expr; $($law:ident)* | $($work:ident)*) => {
        $( #[test] fn $law() { $crate::contract::store::$law(&*$open) } )*
        $( #[test] fn $work() { $crate::contract::work::$work(&*$open) } )*
    };
}

/// One `#[test]` for each law of [`crate::infer`]; `$open` makes an engine and the model `neighbours` in its form.
#[macro_export]
macro_rules! infer_contract {
    ($open:expr) => { $crate::infer_contract! { @ $open;
        a_network_computes_what_its_model_says
        the_same_tensor_gives_the_same_bits
        what_is_no_model_is_refused
        a_tensor_that_does_not_fit_is_refused
        an_engine_says_what_it_is
    } };
    (@ $open:expr; $($law:ident)*) => { $( #[test] fn $law() { $crate::contract::infer::$law(&$open) } )* };
}

/// One `#[test]` for each law of [`crate::performer`]; `$open` makes a performer whose workers know every
/// [`performer::Behaviour`].
#[macro_export]
macro_rules! performer_contract {
    ($open:expr) => { $crate::performer_contract! { @ $open;
        an_answer_comes_with_its_files
        declining_and_failing_are_answers
        what_ends_badly_ends_alone
        what_comes_late_changes_nothing
        a_cancelled_job_ends_soon
        a_silent_job_is_heard_alive
        many_threads_perform_at_once
    } };
    (@ $open:expr; $($law:ident)*) => { $( #[test] fn $law() { $crate::contract::performer::$law(&*$open) } )* };
}
