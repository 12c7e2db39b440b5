from customer_health.cli import main

main()
