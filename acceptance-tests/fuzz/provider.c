/* Plugin protocol 6 with the tables that are shipped, before the provider is configured: validation, plans,
 * functions, imports. ConfigureProvider is left out: it reads the machine's ~/.aws and may start what that
 * names. */
#include "provider/provider.h"
#include "acceptance-tests/fuzz/dispatch.h"
#include "acceptance-tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dispatch_request(&aurora_provider, NULL, "ConfigureProvider", data, n);
    return 0;
}
