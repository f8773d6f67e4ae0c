# aurora_module(NAME SOURCES … MODULES … LIBS …): one static library per folder.
#   MODULES  modules of lower layers it may include
#   LIBS     third-party libraries it owns
# aurora_unit_test(NAME SOURCES … MODULES …): a cmocka program that ctest runs, labelled "unit".
# aurora_test_objects(NAME SOURCES … MODULES …): what several tests share, compiled once: $<TARGET_OBJECTS:NAME> in
# their SOURCES puts it before the libraries, so that fakes win.
option(AURORA_TESTS "build the test programs with everything else" ON)
set(AURORA_SANITIZE "" CACHE STRING "sanitizers to build with, such as address,undefined")

add_library(aurora_options INTERFACE)
target_include_directories(aurora_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(aurora_options INTERFACE _GNU_SOURCE AURORA_VERSION="${PROJECT_VERSION}")
target_compile_options(aurora_options INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
    -fno-common -fstack-protector-strong)
if(AURORA_SANITIZE)
    target_compile_options(aurora_options INTERFACE -fsanitize=${AURORA_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(aurora_options INTERFACE -fsanitize=${AURORA_SANITIZE})
endif()

function(aurora_module name)
    cmake_parse_arguments(ARG "" "" "SOURCES;MODULES;LIBS" ${ARGN})
    add_library(aurora_${name} STATIC ${ARG_SOURCES})
    list(TRANSFORM ARG_MODULES PREPEND aurora_)
    target_link_libraries(aurora_${name} PUBLIC aurora_options ${ARG_MODULES} PRIVATE ${ARG_LIBS})
endfunction()

function(aurora_only_for_tests name)
    if(NOT AURORA_TESTS)
        set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
endfunction()

function(aurora_test_objects name)
    cmake_parse_arguments(ARG "" "" "SOURCES;MODULES;LIBS" ${ARGN})
    list(TRANSFORM ARG_MODULES PREPEND aurora_)
    add_library(${name} OBJECT EXCLUDE_FROM_ALL ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE aurora_options ${ARG_MODULES} ${ARG_LIBS} PkgConfig::cmocka)
endfunction()

function(aurora_unit_test name)
    cmake_parse_arguments(ARG "" "" "SOURCES;MODULES;LIBS" ${ARGN})
    list(TRANSFORM ARG_MODULES PREPEND aurora_)
    add_executable(${name} ${ARG_SOURCES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(${name} PRIVATE aurora_options ${ARG_MODULES} ${ARG_LIBS} PkgConfig::cmocka)
    aurora_only_for_tests(${name})
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 400)
endfunction()
