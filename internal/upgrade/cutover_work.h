/* cutover_work.h — what the files of a cutover share; for no others. */
#ifndef AURORA_UPGRADE_CUTOVER_WORK_H
#define AURORA_UPGRADE_CUTOVER_WORK_H

#include "internal/upgrade/logical_switch.h"

#include "internal/pg/fence.h"

struct place {
    const char *database;
    struct pg *from, *to;
};

struct cutover {
    struct upgrade *u;
    enum side from, to;
    const struct rds_cluster *left, *arriving;
    const char *fact, *token;
    struct place *places;
    size_t n, cap;
    int64_t began_ms, until_ms;
    struct pg_quiet quiet;
    lsn_t proved;               /* behind the markers, when there was nothing but them */
    bool by_slots;              /* later ids were the server's own */
    bool keeps_way_back, stays; /* no name moves */
    char times[400];            /* "fence 31 ms, drain 4 ms" */
};

/* The name of the fact that holds the access list. */
const char *cutover_fact(struct upgrade *u, const struct rds_cluster *left);
/* Who is left and for whom, by the last look. */
struct cutover cutover_direction(struct upgrade *u);
/* For run_each_database. */
bool cutover_add_place(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e);
/* Sessions of every database of the run on both sides, which do not hear Stop: what was raised has to be
 * lifted. */
MUST_CHECK bool cutover_open(struct cutover *k, struct err *e);
void cutover_close(struct cutover *k);
/* AUR0225 where something is sent that the other side does not take. */
MUST_CHECK bool cutover_all_taken(struct cutover *k, struct err *e);
MUST_CHECK bool cutover_obstacles(struct cutover *k, int prepared_s, struct err *e);
/* Lifts the fence around every database; a session that is broken is made anew, for a minute. */
MUST_CHECK bool cutover_take_back(struct cutover *k, struct err *e);
/* The side that was to take over follows as before. */
MUST_CHECK bool cutover_follow_again(struct cutover *k, struct err *e);

#endif
