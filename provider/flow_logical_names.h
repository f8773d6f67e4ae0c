/* flow_logical_names.h — the rows in which names move from one cluster of a logical upgrade to the other.
 * They are the same in both directions, hence here once: old instances first, old cluster last; then the new
 * cluster, then its instances (INTERFACE 2.5). */
#ifndef AURORA_FLOW_LOGICAL_NAMES_H
#define AURORA_FLOW_LOGICAL_NAMES_H

#include "internal/upgrade/logical_switch.h"
#include "internal/upgrade/record.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tables.h"
#include "provider/flow_upgrades.h"

#define TOLD(name) void name(const struct upgrade *u, struct buf *out)
TOLD(say_names_copy);
TOLD(cli_names_copy);
TOLD(say_names_endpoints_leave);
TOLD(cli_names_endpoints_leave);
TOLD(say_names_instances_leave);
TOLD(cli_names_instances);
TOLD(say_names_instances_left);
TOLD(say_names_cluster_leaves);
TOLD(cli_names_cluster);
TOLD(say_names_cluster_left);
TOLD(say_names_noted);
TOLD(cli_names_tag);
TOLD(say_names_untag);
TOLD(cli_names_untag);
TOLD(say_names_cluster_arrives);
TOLD(say_names_cluster_arrived);
TOLD(say_names_instances_arrive);
TOLD(say_names_instances_arrived);
TOLD(say_names_endpoints_arrive);
TOLD(cli_names_endpoints_arrive);
TOLD(say_names_instances_untag);
TOLD(say_names_protect);
TOLD(cli_names_protect);
TOLD(say_fence_check);
TOLD(say_fence_lift);
TOLD(cli_fence_lift);
TOLD(say_fence_stands);
TOLD(say_names_credentials);
TOLD(say_names_available);
TOLD(say_identities_back);
TOLD(cli_identities_back);
TOLD(say_endpoint_way);
TOLD(say_record_check);
TOLD(cli_record);
TOLD(say_record_ttl_back);
#undef TOLD

bool moves_names(const struct upgrade *u);
bool keeps_names(const struct upgrade *u);
bool leads_record(const struct upgrade *u);

/* clang-format off */
#define ENDPOINT_WAY(its_stage) \
    {.name = "check-endpoint", .stage = (its_stage), .kind = STEP_CHECK, .duration = "seconds", \
     .describe = say_endpoint_way, .is_done = endpoint_way_check}

#define FENCE_LIFTED(its_stage) \
    {.name = "fence-lifted", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", .applies = has_login, \
     .describe = say_fence_lift, .equivalent = cli_fence_lift, .is_done = fence_lifted, .run = fence_lift}

#define RECORD_TTL_RESTORED(its_stage) \
    {.name = "record-ttl-restored", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", .applies = leads_record, \
     .describe = say_record_ttl_back, .equivalent = cli_record, .is_done = record_ttl_restored, .run = record_ttl_restore}

/* Once nothing is published any more, and as long as the facts are there. */
#define IDENTITIES_RESTORED(its_stage) \
    {.name = "identities-restored", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", \
     .describe = say_identities_back, .equivalent = cli_identities_back, .is_done = identities_restored, .run = identities_restore}

#define NAMES_MOVE(its_stage) \
    {.name = "fence-stands", .stage = (its_stage), .kind = STEP_CHECK, .duration = "seconds", .applies = moves_names, .blocks_writes = true, \
     .describe = say_fence_stands, .is_done = fence_stands}, \
    {.name = "endpoints-leave", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "minutes", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_endpoints_leave, .equivalent = cli_names_endpoints_leave, .is_done = endpoints_left, .run = endpoints_leave}, \
    {.name = "instances-leave", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_instances_leave, .equivalent = cli_names_instances, .is_done = instances_leave_done, .run = instances_leave_run}, \
    {.name = "instances-left", .stage = (its_stage), .kind = STEP_WAIT, .duration = "minutes", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_instances_left, .is_done = instances_left}, \
    {.name = "cluster-leaves", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_cluster_leaves, .equivalent = cli_names_cluster, .is_done = cluster_leaves_done, .run = cluster_leaves_run}, \
    {.name = "cluster-left", .stage = (its_stage), .kind = STEP_WAIT, .duration = "minutes", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_cluster_left, .is_done = cluster_left}, \
    {.name = "old-noted", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_noted, .equivalent = cli_names_tag, .is_done = old_noted_down, .run = old_note_down}, \
    {.name = "arriving-untagged", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_untag, .equivalent = cli_names_untag, .is_done = arriving_untagged, .run = arriving_untag}, \
    {.name = "cluster-arrives", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_cluster_arrives, .equivalent = cli_names_cluster, .is_done = cluster_arrives_done, .run = cluster_arrives_run}, \
    {.name = "cluster-arrived", .stage = (its_stage), .kind = STEP_WAIT, .duration = "minutes", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_cluster_arrived, .is_done = cluster_arrived}, \
    {.name = "instances-arrive", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_instances_arrive, .equivalent = cli_names_instances, .is_done = instances_arrive_done, .run = instances_arrive_run}, \
    {.name = "instances-arrived", .stage = (its_stage), .kind = STEP_WAIT, .duration = "minutes", .applies = moves_names, .blocks_writes = true, \
     .describe = say_names_instances_arrived, .is_done = instances_arrived}, \
    {.name = "endpoints-arrive", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "minutes", .applies = moves_names, \
     .describe = say_names_endpoints_arrive, .equivalent = cli_names_endpoints_arrive, .is_done = endpoints_arrived, .run = endpoints_arrive}, \
    {.name = "instances-untagged", .stage = (its_stage), .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names, \
     .describe = say_names_instances_untag, .equivalent = cli_names_untag, .is_done = instances_untagged, .run = instances_untag}
/* clang-format on */

#endif
