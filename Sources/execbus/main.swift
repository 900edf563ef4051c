print("execbus")
