# Every third-party library, found through pkg-config, linked only by the module that owns it.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
foreach(dep IN ITEMS openssl libcurl libpq expat jansson libprotobuf-c libmicrohttpd cmocka)
    pkg_check_modules(${dep} REQUIRED IMPORTED_TARGET GLOBAL ${dep})
endforeach()

# Debian's msgpack-c has had two names for its pkg-config file.
pkg_search_module(msgpack REQUIRED IMPORTED_TARGET GLOBAL msgpack-c msgpack)

# `pkg-config --libs grpc` lists some sixty libraries; the core's C API needs two.
pkg_check_modules(grpc REQUIRED grpc)
add_library(grpc INTERFACE)
target_include_directories(grpc INTERFACE ${grpc_INCLUDE_DIRS})
target_link_directories(grpc INTERFACE ${grpc_LIBRARY_DIRS})
target_link_libraries(grpc INTERFACE -lgrpc -lgpr)

find_program(PROTOC_C protoc-c REQUIRED)
