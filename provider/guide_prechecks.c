/* The guide page of the checks before an upgrade: the rows are those of internal/pg/preflight_checks.c. */
#include "internal/pg/catalog.h"
#include "provider/guides.h"

static void majors(struct buf *out, const struct pg_check_row *k)
{
    if (!k->source_max && !k->target_min)
        (void)buf_puts(out, "| all ");
    else if (!k->source_max)
        (void)buf_printf(out, "| to %d and higher ", k->target_min);
    else
        (void)buf_printf(out, "| from %d and lower to %d and higher ", k->source_max, k->target_min);
}

static void upgrades(struct buf *out, unsigned of)
{
    static const struct {
        unsigned purpose;
        const char *name;
    } kinds[] = {
        {PG_FOR_BLUE_GREEN, "blue/green"}, {PG_FOR_IN_PLACE, "in place"}, {PG_FOR_LOGICAL, "logical"}};
    const char *before = "";
    if (of == (PG_FOR_BLUE_GREEN | PG_FOR_IN_PLACE | PG_FOR_LOGICAL)) {
        (void)buf_puts(out, "all ");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (of & kinds[i].purpose) {
            (void)buf_printf(out, "%s%s", before, kinds[i].name);
            before = ", ";
        }
    (void)buf_puts(out, " ");
}

static void check_table(struct buf *out)
{
    struct pg_check_row k;
    (void)buf_puts(out,
                   "| check | upgrade | majors | effect | what to do |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; pg_check_row(i, &k); i++) {
        unsigned of = k.purposes & (PG_FOR_BLUE_GREEN | PG_FOR_IN_PLACE | PG_FOR_LOGICAL);
        if (!of)
            continue;
        (void)buf_printf(out, "| `%s` | ", k.id);
        upgrades(out, of);
        majors(out, &k);
        (void)buf_puts(out, k.severity == PG_BLOCKER ? "| error " : "| warning ");
        guide_cell(out, k.remedy);
        (void)buf_puts(out, "|\n");
    }
}

/* Documented by AWS, or known from pg_upgrade's source, and not a row above. */
static const struct {
    const char *what, *why;
} unchecked[] = {
    {"tables WITH OIDS; columns of the types `unknown`, `abstime`, `reltime`, `tinterval`",
     "cannot exist: 13, the oldest source, does not have them"},
    {"columns of the type `sql_identifier`", "no obstacle: its stored form is the same from 12 on"},
    {"roles whose names begin with pg_", "cannot exist: PostgreSQL has refused to make them since 9.6"},
    {"`chkpass`, `tsearch2`", "named by `extensions-to-drop`, but 13 has neither"},
    {"data checksums that differ, float8 passed by reference",
     "cannot exist on Aurora: one storage, 64-bit servers"},
    {"`rds.global_db_rpo` of a global database",
     "the sandbox has no global databases; a cluster of one is refused before (AUR0104)"},
    {"storage full, maintenance pending",
     "AWS alone knows; a cluster or instance that is not available is AUR0103, and what AWS says later is "
     "quoted (AUR0190, AUR0191)"},
    {"millions of large objects",
     "`large-objects` warns; AWS's checks let them pass, and pg_upgrade runs out of memory or does not"},
    {"more tables than there is room for locks",
     "`locks-exhausted` warns; a few more fit than are documented, and AWS may start the server for "
     "pg_upgrade with "
     "another limit: rehearse"},
    {"functions whose bodies call what is gone",
     "`removed-functions` warns; pg_upgrade carries them and says "
     "nothing, they fail when they are called"},
    {"columns with the option pg_attver",
     "`attver-columns` warns; minors that differ in it are too new to try"},
    {"subscriptions", "refused by us only: pg_upgrade passes, and loses their position and with it rows"},
    {"a database that does not let our login in",
     "`database-refuses-us` (error; for a template a warning): AWS looks into it, we cannot"},
    {"libraries that the target lacks, beyond the extensions named above",
     "cannot be seen from the source; AWS's check finds them (`loadable_libraries.txt`)"},
};

void guide_prechecks(struct buf *out)
{
    (void)buf_puts(
        out,
        "---\npage_title: \"Checks before an upgrade\"\n"
        "description: \"What is looked for in every database before anything is changed, and what cannot "
        "be.\"\n"
        "---\n\n"
        "# Checks before an upgrade\n\n"
        "`check-databases` connects to every database that takes connections, templates included, and runs "
        "every row of this table that applies to the kind of upgrade and the two majors. All findings come "
        "in "
        "one error (AUR0113), by check, with the databases and up to ten objects of each; warnings stop "
        "nothing. In templates only what pg_upgrade refuses is looked for. Nothing is written. Without a "
        "login "
        "the check is left out, and AWS's own prechecks are the first to see anything.\n\n"
        "A real upgrade can fail though every check passes: only a rehearsal on a clone proves it.\n\n"
        "## What is checked\n\n");
    check_table(out);
    (void)buf_puts(
        out,
        "\nOf the cluster itself: its engine and kind (AUR0102, AUR0104), its and its instances' status "
        "(AUR0103), the target (AUR0105, AUR0106), instance classes (AUR0114), parameter groups (AUR0107 "
        "to AUR0110, AUR0115 to AUR0117).\n\n"
        "## What is not checked, or not provoked by our tests\n\n"
        "| what | why |\n| --- | --- |\n");
    for (size_t i = 0; i < ARRAY_LEN(unchecked); i++) {
        guide_cell(out, unchecked[i].what);
        guide_cell(out, unchecked[i].why);
        (void)buf_puts(out, "|\n");
    }
}
