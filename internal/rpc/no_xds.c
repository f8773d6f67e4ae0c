/* no_xds.c — leaves gRPC's xDS client out of the program.
 *
 * gRPC registers all it can do at its start; RegisterExtraFilters adds xDS, RBAC and the load balancers that
 * go with them. A plugin serves one local client and is never one itself. gRPC's own build has the same empty
 * body for GRPC_NO_XDS (grpc_plugin_registry_noextra.cc), but Debian's archives come without it; defined
 * here, the linker never opens the member that has the real one: a third of the program and more than a
 * megabyte of resident memory less. A gRPC that names it otherwise links as before.
 */
void rpc_no_extra_filters(void *builder) __asm__(
    "_ZN9grpc_core20RegisterExtraFiltersEPNS_17CoreConfiguration7BuilderE");

void rpc_no_extra_filters(void *builder)
{
    (void)builder;
}
