#!/bin/sh
terraform import demo_thing.example example
