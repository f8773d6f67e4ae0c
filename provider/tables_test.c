/* The tables of the whole provider, against the rules Terraform enforces and our own. */
#include "provider/provider.h"

#include "internal/base/testing.h"

static void test_tables(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    if (!tf_check(&aurora_provider, &e))
        fail_msg("%s", e.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables)};
    return cmocka_run_group_tests_name("provider tables", tests, NULL, NULL);
}
