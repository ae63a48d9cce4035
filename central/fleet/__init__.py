"""Work in the street: rounds divided among readers, work orders and what devices report of them, and lawful cuts.

walking, dividing    pure geometry: an order for walking, a round in equal parts
rounds, progress     routes made, assigned, followed and read again
orders, outcomes     a work order from its reason to what became of it in the register
cutting, cuts        the legal steps before a cut (pure), and what is known of a contract
mail, sending        what each device is to be told, and telling it
"""
