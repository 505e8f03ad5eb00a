set(python /usr/bin/python3 -W ignore::ResourceWarning)
set(python_path "PYTHONPATH=${PROJECT_SOURCE_DIR}/tests/lib")
foreach(name protocol tasks window durable storage fair keys queries cancel retries dead_letters jobs clock hostile ahead modes load links)
  penstock_add_test(core_${name} e2e COMMAND ${python} ${CMAKE_CURRENT_SOURCE_DIR}/core_${name}_test.py
                    TIMEOUT 300 ENVIRONMENT ${python_path})
endforeach()
foreach(name demo dropin pictures plugin_files learn profiles privileges orphans deploy keys keys_start doors reload)
  penstock_add_test(${name} e2e COMMAND ${python} ${CMAKE_CURRENT_SOURCE_DIR}/${name}_test.py
                    TIMEOUT 300 ENVIRONMENT ${python_path})
endforeach()
