# Every third-party library, found through pkg-config, linked only by the module that owns it.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
foreach(dep IN ITEMS openssl libcurl libpq expat jansson libprotobuf-c libmicrohttpd cmocka)
    pkg_check_modules(${dep} REQUIRED IMPORTED_TARGET GLOBAL ${dep})
endforeach()

# Debian's msgpack-c has had two names for its pkg-config file.
pkg_search_module(msgpack REQUIRED IMPORTED_TARGET GLOBAL msgpack-c msgpack)

# `pkg-config --libs grpc` lists some sixty libraries; the core's C API needs two.
# Static: one file that starts in half the time and does not need this very Debian's libgrpc. OpenSSL stays
# shared, because libcurl and libpq bring it anyhow.
option(AURORA_STATIC_GRPC "link gRPC core and what it needs from archives" OFF)
pkg_check_modules(grpc REQUIRED grpc)
add_library(grpc INTERFACE)
target_include_directories(grpc INTERFACE ${grpc_INCLUDE_DIRS})
target_link_directories(grpc INTERFACE ${grpc_LIBRARY_DIRS})
set(grpc_archives)
if(AURORA_STATIC_GRPC)
    set(beside ssl crypto z rt dl pthread atomic)
    foreach(name IN LISTS grpc_STATIC_LIBRARIES ITEMS stdc++)
        if(NOT name IN_LIST beside)
            execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=lib${name}.a OUTPUT_VARIABLE archive
                            OUTPUT_STRIP_TRAILING_WHITESPACE)
            if(NOT IS_ABSOLUTE "${archive}")
                message(WARNING "lib${name}.a is missing: gRPC is linked as a shared library")
                set(grpc_archives)
                break()
            endif()
            list(APPEND grpc_archives ${archive})
        endif()
    endforeach()
    list(REMOVE_DUPLICATES grpc_archives)
endif()
if(grpc_archives)
    string(REPLACE ";" " " grpc_archives "-Wl,--start-group;${grpc_archives};-Wl,--end-group")
    target_link_libraries(grpc INTERFACE ${grpc_archives} -lssl -lcrypto -lz -lm)
    # internal/rpc/no_xds.c, before the archives offer theirs
    target_link_options(grpc INTERFACE -Wl,--gc-sections -static-libgcc
        -Wl,-u,_ZN9grpc_core20RegisterExtraFiltersEPNS_17CoreConfiguration7BuilderE)
else()
    target_link_libraries(grpc INTERFACE -lgrpc -lgpr)
endif()

find_program(PROTOC_C protoc-c REQUIRED)
