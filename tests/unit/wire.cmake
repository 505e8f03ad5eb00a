penstock_test(wire_message LABEL unit SOURCES wire_message.c DEPS wire)
penstock_test(wire_sockets LABEL unit SOURCES wire_sockets.c DEPS wire loop)
penstock_test(wire_keys LABEL unit SOURCES wire_keys.c DEPS wire)
